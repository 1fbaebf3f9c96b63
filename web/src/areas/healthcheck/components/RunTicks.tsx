import { t } from "@/lib/i18n/t";
import { states, TICKS, type Tick } from "../states";

const WIDTH = 5;
const HEIGHT = 20;

/** Worse runs stand taller, so that a failure is seen without colour. */
const looks = {
  healthy: { height: 10, tone: "fill-healthy-mark" },
  degraded: { height: 15, tone: "fill-degraded-mark" },
  unhealthy: { height: HEIGHT, tone: "fill-unhealthy-mark" },
} as const;

/** The last runs as ticks, newest at the right; places without a run yet are dots. */
export function RunTicks({ runs }: { runs: readonly Tick[] }) {
  const summary = states
    .map((state) => ({ state, count: runs.filter((run) => run.status === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => t("systems.runsPart", { runs: count, state: t(`state.${state}`).toLowerCase() }))
    .join(", ");
  const first = TICKS - runs.length;
  return (
    <svg
      role="img"
      aria-label={runs.length === 0 ? t("systems.noRuns") : t("systems.runs", { count: runs.length, summary })}
      viewBox={`0 0 ${TICKS * WIDTH} ${HEIGHT}`}
      className="block h-5 w-50 max-w-full"
    >
      {Array.from({ length: first }, (_, at) => (
        <circle key={at} cx={at * WIDTH + 1.5} cy={HEIGHT - 1} r="0.9" className="fill-line" />
      ))}
      {runs.map((run, at) => {
        const { height, tone } = looks[run.status];
        return <rect key={at} x={(first + at) * WIDTH} y={HEIGHT - height} width="3" height={height} rx="1" className={tone} />;
      })}
    </svg>
  );
}
