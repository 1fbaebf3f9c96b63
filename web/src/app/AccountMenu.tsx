import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useSignOut } from "@/areas/auth/queries";
import { sendUnsent } from "@/areas/notification/unsent";
import { t } from "@/lib/i18n/t";
import type { Session } from "@/lib/session-client";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { ErrorNote } from "@/ui/ErrorNote";
import { Popover } from "@/ui/Popover";

/** Who is signed in, and the way out. */
export function AccountMenu({ user }: { user: Session["user"] }) {
  const [open, setOpen] = useState(false);
  const signOut = useSignOut();
  const label = t("account.label", { user: user.name });
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={label}
      className="w-64"
      trigger={
        <button type="button" aria-label={label} className="inline-flex size-9 items-center justify-center rounded-lg hover:bg-hover">
          <span aria-hidden="true" className="flex size-7 items-center justify-center rounded-full bg-accent-soft text-sm font-semibold text-accent-text">
            {initial(user.name)}
          </span>
        </button>
      }
    >
      <div className="p-4">
        <p className="truncate font-semibold">{user.name}</p>
        <p className="truncate text-sm text-muted">{user.email}</p>
      </div>
      <div className="flex flex-col gap-2 border-t border-line p-2">
        <Link to="/settings/account" onClick={() => setOpen(false)} className={`${buttonStyle("quiet")} w-full justify-start`}>
          {t("account.open")}
        </Link>
        {signOut.isError && <ErrorNote error={signOut.error} />}
        <Button tone="quiet" busy={signOut.isPending} className="w-full justify-start" onClick={() => leave(signOut.mutate)}>
          {t("account.signOut")}
        </Button>
      </div>
    </Popover>
  );
}

/**
 * Whoever sits here later must not see what is pushed to the one who leaves. Not worth keeping him signed in for: without the part, or a
 * subscription, he leaves all the same. What he did to his inbox is told while he may.
 */
function leave(signOut: () => void): void {
  void import("@/areas/notification/push").then(({ unsubscribeHere }) => unsubscribeHere()).catch(() => undefined);
  void sendUnsent().then(signOut);
}

function initial(name: string): string {
  return Array.from(name.trim())[0]?.toUpperCase() ?? "?";
}
