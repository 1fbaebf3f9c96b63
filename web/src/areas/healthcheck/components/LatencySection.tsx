import { latency } from "@/lib/format";
import { t } from "@/lib/i18n/later";
import { Loaded } from "@/ui/Loaded";
import { RelativeTime } from "@/ui/RelativeTime";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { latencyChart, type ChartPoint, type LatencyChart } from "../latency-chart";
import { useChartRuns } from "../queries";

const WIDTH = 800;
const HEIGHT = 120;
const FOOT = 10;

/** How long the system took to answer, with gaps where it did not. */
export function LatencySection({ systemId }: { systemId: string }) {
  const runs = useChartRuns(systemId);
  return (
    <Section title={t("system.latency")}>
      <Loaded query={runs} loading={<Skeleton rows={1} className="h-36" />}>
        {(data) => {
          const chart = latencyChart(data.runs);
          return chart ? <Chart chart={chart} /> : <p className="px-5 py-8 text-center text-muted">{t("system.noLatency")}</p>;
        }}
      </Loaded>
    </Section>
  );
}

function Chart({ chart }: { chart: LatencyChart }) {
  const { lines, failures, minMs, maxMs, runs, from, to } = chart;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-3 py-4 pr-4 pl-5">
      <svg
        role="img"
        aria-label={t("system.latencyChart", { runs, min: latency(minMs), max: latency(maxMs), failures: failures.length })}
        viewBox={`0 0 ${WIDTH} ${HEIGHT + FOOT}`}
        preserveAspectRatio="none"
        className="h-32 w-full overflow-visible"
      >
        {[0, 0.5, 1].map((y) => (
          <line key={y} x1="0" x2={WIDTH} y1={y * HEIGHT} y2={y * HEIGHT} className="stroke-line" vectorEffect="non-scaling-stroke" />
        ))}
        {lines.map((line, at) => (
          <path key={at} d={path(line)} className="fill-none stroke-accent-text" strokeWidth={line.length === 1 ? 4 : 1.5} strokeLinecap="round" strokeLinejoin="round" vectorEffect="non-scaling-stroke" />
        ))}
        {failures.map((x, at) => (
          <line key={at} x1={x * WIDTH} x2={x * WIDTH} y1={HEIGHT + 2} y2={HEIGHT + FOOT} className="stroke-unhealthy-mark" strokeWidth="3" vectorEffect="non-scaling-stroke" />
        ))}
      </svg>
      <div aria-hidden="true" className="-mt-2.25 flex h-34 w-14 flex-col justify-between text-right text-xs text-muted tabular-nums">
        <span>{latency(maxMs)}</span>
        <span>{latency(maxMs / 2)}</span>
        <span>{latency(0)}</span>
      </div>
      <p className="mt-1 flex justify-between text-xs text-muted">
        <RelativeTime at={from} />
        <RelativeTime at={to} />
      </p>
    </div>
  );
}

/** A run alone between two gaps is a dot: a line of no length with round ends. */
function path(line: readonly ChartPoint[]): string {
  const points = line.map(({ x, y }) => `${(x * WIDTH).toFixed(1)} ${(y * HEIGHT).toFixed(1)}`);
  return points.length === 1 ? `M${points.join()}h0.01` : `M${points.join("L")}`;
}
