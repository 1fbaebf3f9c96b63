import { useNavigate } from "@tanstack/react-router";
import { t, type MessageKey } from "@/lib/i18n/later";
import { IconButton } from "@/ui/IconButton";
import { classes } from "@/ui/classes";

const reasons: Partial<Record<string, MessageKey & `connect.error.${string}`>> = {
  session: "connect.error.session",
  state: "connect.error.state",
  expired: "connect.error.expired",
  denied: "connect.error.denied",
  provider: "connect.error.provider",
  unavailable: "connect.error.unavailable",
};

interface ConnectOutcomeProps {
  /** The name of the channel that was connected. */
  linked: string | undefined;
  /** Why it was not, in a word of the address. */
  error: string | undefined;
}

/** How the way to a provider and back ended. It stands in the address, until its reader has seen it. */
export function ConnectOutcome({ linked, error }: ConnectOutcomeProps) {
  const navigate = useNavigate();
  if (linked === undefined && error === undefined) return null;
  const failed = linked === undefined;
  const reason = error === undefined ? undefined : reasons[error];
  return (
    <div role={failed ? "alert" : "status"} className={classes("mb-4 flex items-start gap-2 rounded-xl border border-line bg-surface py-2 pr-2 pl-4", failed && "border-l-4 border-l-unhealthy-mark")}>
      <p className="min-w-0 flex-1 py-1.5">{failed ? t(reason ?? "connect.error.other") : t("connect.connected", { channel: linked })}</p>
      <IconButton icon="close" label={t("action.close")} onClick={() => void navigate({ to: "/settings", replace: true })} />
    </div>
  );
}
