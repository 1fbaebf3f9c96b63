import { latency } from "@/lib/format";
import { t } from "@/lib/i18n/later";
import { EmptyState } from "@/ui/EmptyState";
import { Loaded } from "@/ui/Loaded";
import { Pages } from "@/ui/Pages";
import { RelativeTime } from "@/ui/RelativeTime";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { RUNS_PAGE, useRuns, type Run } from "../queries";
import { StateMark } from "@/ui/StateMark";

interface RunsSectionProps {
  systemId: string;
  page: number;
  onPage: (page: number) => void;
}

/** What each run found, and why it failed. */
export function RunsSection({ systemId, page, onPage }: RunsSectionProps) {
  const runs = useRuns(systemId, page);
  return (
    <Section title={t("system.runs")}>
      <Loaded
        query={runs}
        loading={<Skeleton rows={5} className="h-11" />}
        isEmpty={(data) => data.total === 0}
        empty={() => <EmptyState icon="systems" title={t("system.noRuns")} text={t("system.noRunsHint")} />}
      >
        {(data) => (
          <>
            <table className="w-full text-left">
              <thead className="text-sm text-muted">
                <tr className="border-b border-line">
                  <th scope="col" className="py-2.5 pl-5 font-medium">
                    {t("system.runState")}
                  </th>
                  <th scope="col" className="px-3 py-2.5 font-medium">
                    {t("system.runTime")}
                  </th>
                  <th scope="col" className="py-2.5 pr-5 text-right font-medium sm:px-3">
                    {t("system.runLatency")}
                  </th>
                  <th scope="col" className="w-1/2 py-2.5 pr-5 pl-3 font-medium max-sm:hidden">
                    {t("system.runReason")}
                  </th>
                </tr>
              </thead>
              <tbody className="divide-y divide-line">
                {data.runs.map((run) => (
                  <tr key={run.id} className="align-top">
                    <td className="py-2.5 pl-5">
                      <StateMark state={run.status} />
                      {/* A narrow page has no room for a column of reasons. */}
                      {reason(run) !== undefined && <p className="mt-0.5 pl-6 text-sm text-muted sm:hidden">{reason(run)}</p>}
                    </td>
                    <td className="px-3 py-2.5 text-muted">
                      <RelativeTime at={run.timestamp} />
                    </td>
                    <td className="py-2.5 pr-5 text-right whitespace-nowrap text-muted tabular-nums sm:px-3">{run.latencyMs === undefined ? "–" : latency(run.latencyMs)}</td>
                    <td className="py-2.5 pr-5 pl-3 text-muted max-sm:hidden">{reason(run)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <Pages page={page} size={RUNS_PAGE} total={data.total} onPage={onPage} />
          </>
        )}
      </Loaded>
    </Section>
  );
}

/** Why a run failed. Of one that did not, the message only repeats its latency. */
function reason(run: Run): string | undefined {
  return run.status === "healthy" ? undefined : run.message;
}
