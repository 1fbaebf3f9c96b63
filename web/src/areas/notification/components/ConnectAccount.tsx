import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { safeLink } from "@/lib/safe-link";
import { Button } from "@/ui/Button";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { ErrorNote } from "@/ui/ErrorNote";
import { RelativeTime } from "@/ui/RelativeTime";
import { useConnect, useDisconnect, type Channel } from "../queries";

/** The account at a provider that a channel speaks to its reader through. Connecting leads there and back to this page. */
export function ConnectAccount({ channel }: { channel: Channel }) {
  const connect = useConnect();
  const disconnect = useDisconnect();
  const [asked, setAsked] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const { displayName, linkedAt } = channel;
  return (
    <div className="mt-4 flex flex-col items-start gap-3">
      {linkedAt !== undefined && (
        <p className="text-sm text-muted">
          {t("connect.since")} <RelativeTime at={linkedAt} />
        </p>
      )}
      {connect.isError && <ErrorNote error={connect.error} />}
      <div className="flex flex-wrap gap-2">
        <Button
          tone={linkedAt === undefined ? "primary" : "plain"}
          busy={connect.isPending || leaving}
          onClick={() =>
            connect.mutate(channel, {
              onSuccess: ({ authUrl }) => {
                const url = safeLink(authUrl);
                if (url === undefined) return;
                setLeaving(true);
                window.location.assign(url.href);
              },
            })
          }
        >
          {linkedAt === undefined ? t("connect.connect", { channel: displayName }) : t("connect.again", { channel: displayName })}
        </Button>
        {linkedAt !== undefined && (
          <Button tone="danger" onClick={() => setAsked(true)}>
            {t("connect.disconnect", { channel: displayName })}
          </Button>
        )}
      </div>
      {asked && (
        <ConfirmMutation
          mutation={disconnect}
          variables={channel}
          title={t("connect.askTitle", { channel: displayName })}
          text={t("connect.askText")}
          confirm={t("connect.disconnect", { channel: displayName })}
          done={t("connect.disconnected", { channel: displayName })}
          onClose={() => setAsked(false)}
        />
      )}
    </div>
  );
}
