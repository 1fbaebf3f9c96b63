import { Link } from "@tanstack/react-router";
import { RunTicks } from "@/areas/healthcheck/components/RunTicks";
import { StateMark } from "@/ui/StateMark";
import type { SystemStatus } from "@/areas/healthcheck/queries";
import { recentRuns, stateOf } from "@/areas/healthcheck/states";
import { latency, sinceTime } from "@/lib/format";
import { t } from "@/lib/i18n/t";
import { RelativeTime } from "@/ui/RelativeTime";
import type { System } from "../queries";

/** One system on one line; where there is little room, on two or three. The whole row leads to its page. */
export function SystemRow({ system, status }: { system: System; status: SystemStatus | undefined }) {
  const runs = recentRuns(status);
  const lastLatency = runs[runs.length - 1]?.latencyMs;
  return (
    <li
      data-testid="system-row"
      className="relative grid min-h-18 grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-4 gap-y-2.5 px-4 py-3.5 first:rounded-t-xl last:rounded-b-xl hover:bg-hover sm:grid-cols-[7.5rem_minmax(0,1fr)_minmax(6rem,12.5rem)_4.5rem] sm:px-5 @4xl:min-h-13 @4xl:grid-cols-[7.5rem_minmax(0,1fr)_8.5rem_12.5rem_4.5rem] @4xl:py-2.5"
    >
      <StateMark state={stateOf(status)} className="max-sm:order-3" />
      <div className="min-w-0 max-sm:order-1 max-sm:col-span-2 @4xl:contents">
        <Link to="/systems/$systemId" params={{ systemId: system.id }} className="block truncate font-medium outline-none after:absolute after:inset-0 after:rounded-xl focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent-text">
          {system.name}
        </Link>
        <p className="text-sm text-muted">
          {status?.since && (
            // Over the row's link, so that the exact instant shows on hover.
            <span className="relative z-10">
              <RelativeTime at={status.since} say={sinceTime} focusable={false} />
            </span>
          )}
        </p>
      </div>
      <div className="max-sm:order-4 max-sm:col-span-2 max-sm:justify-self-end">
        <RunTicks runs={runs} />
      </div>
      <p className="text-right text-sm text-muted tabular-nums max-sm:order-2 max-sm:self-start">
        {lastLatency === undefined ? (
          "–"
        ) : (
          <>
            <span className="sr-only">{t("systems.latency", { value: "" })}</span>
            {latency(lastLatency)}
          </>
        )}
      </p>
    </li>
  );
}
