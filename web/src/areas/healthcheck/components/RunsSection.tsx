import { latency } from "@/lib/format";
import { t } from "@/lib/i18n/later";
import { EmptyState } from "@/ui/EmptyState";
import { RecordTable } from "@/ui/RecordTable";
import { RelativeTime } from "@/ui/RelativeTime";
import { Section } from "@/ui/Section";
import { StateMark } from "@/ui/StateMark";
import { RUNS_PAGE, useRuns, type Run } from "../queries";

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
      <RecordTable
        query={runs}
        recordsOf={({ runs }) => runs}
        columns={[
          {
            title: t("system.runState"),
            cell: (run) => (
              <>
                <StateMark state={run.status} />
                {reason(run) !== undefined && <p className="mt-0.5 pl-6 text-sm text-muted sm:hidden">{reason(run)}</p>}
              </>
            ),
          },
          { title: t("system.runTime"), className: "text-muted", cell: ({ timestamp }) => <RelativeTime at={timestamp} /> },
          {
            title: t("system.runLatency"),
            className: "text-right whitespace-nowrap text-muted tabular-nums",
            cell: ({ latencyMs }) => (latencyMs === undefined ? "–" : latency(latencyMs)),
          },
          { title: t("system.runReason"), wide: true, className: "w-1/2 text-muted", cell: reason },
        ]}
        testId="run-row"
        loading={{ rows: 5, className: "h-11" }}
        empty={<EmptyState icon="systems" title={t("system.noRuns")} text={t("system.noRunsHint")} />}
        page={page}
        size={RUNS_PAGE}
        onPage={onPage}
      />
    </Section>
  );
}

/** Why a run failed. Of one that did not, the message only repeats its latency. */
function reason(run: Run): string | undefined {
  return run.status === "healthy" ? undefined : run.message;
}
