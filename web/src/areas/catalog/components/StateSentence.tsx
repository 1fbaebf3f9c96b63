import { StateMark } from "@/ui/StateMark";
import type { SystemStatus } from "@/areas/healthcheck/queries";
import { sinceTime } from "@/lib/format";
import { t } from "@/lib/i18n/later";
import { RelativeTime } from "@/ui/RelativeTime";

/** How the system is, in one sentence, and since when. `paused`: it has checks, and none of them runs. */
export function StateSentence({ status, paused }: { status: SystemStatus; paused: boolean }) {
  const { status: state, since, checkStatuses } = status;
  return (
    <p>
      <StateMark state={state} />
      {since && (
        <>
          {" "}
          <RelativeTime at={since} say={sinceTime} />
        </>
      )}
      : {reason(state, checkStatuses, paused)}
    </p>
  );
}

function reason(state: SystemStatus["status"], checks: SystemStatus["checkStatuses"], paused: boolean): string {
  const count = checks.filter((check) => check.status === state).length;
  switch (state) {
    case "healthy":
      return t("system.healthy");
    case "degraded":
      return t("system.degraded", { count });
    case "unhealthy":
      return t("system.unhealthy", { count });
    case "unknown":
      if (paused) return t("system.unknownPaused");
      return checks.length === 0 ? t("system.unknownNoChecks") : t("system.unknown");
  }
}
