import type { Run } from "./queries";

export interface ChartPoint {
  x: number;
  y: number;
}

export interface LatencyChart {
  /** Unbroken stretches, each drawn as one line; a gap is where there was no latency to measure. */
  lines: ChartPoint[][];
  /** Where runs failed, along x. */
  failures: number[];
  minMs: number;
  maxMs: number;
  runs: number;
  /** When the oldest and the newest run were. */
  from: Date;
  to: Date;
}

/** A pause of this many usual steps between two runs is a gap: nobody measured then. */
const GAP_STEPS = 3;

/**
 * Places runs in a unit square: x from the oldest run to the newest, y from 0 ms at the bottom (1) to the slowest at the top (0).
 * Undefined when fewer than two runs have a latency: there is no line to draw.
 */
export function latencyChart(runs: readonly Run[]): LatencyChart | undefined {
  const ordered = [...runs].sort((a, b) => a.timestamp.getTime() - b.timestamp.getTime());
  const latencies = ordered.flatMap((run) => run.latencyMs ?? []);
  const first = ordered[0];
  const last = ordered[ordered.length - 1];
  if (latencies.length < 2 || !first || !last) return undefined;

  const start = first.timestamp.getTime();
  const span = Math.max(1, last.timestamp.getTime() - start);
  const maxMs = Math.max(...latencies);
  const place = (run: Run) => (run.timestamp.getTime() - start) / span;
  const gapMs = GAP_STEPS * usualStep(ordered);

  const lines: ChartPoint[][] = [];
  let line: ChartPoint[] | undefined;
  let before: Run | undefined;
  for (const run of ordered) {
    if (run.latencyMs === undefined || (before && run.timestamp.getTime() - before.timestamp.getTime() > gapMs)) line = undefined;
    if (run.latencyMs !== undefined) {
      if (!line) lines.push((line = []));
      line.push({ x: place(run), y: 1 - run.latencyMs / Math.max(maxMs, 1) });
    }
    before = run;
  }
  return { lines, failures: ordered.filter((run) => run.status !== "healthy").map(place), minMs: Math.min(...latencies), maxMs, runs: ordered.length, from: first.timestamp, to: last.timestamp };
}

/** The median time between two runs. */
function usualStep(ordered: readonly Run[]): number {
  const steps = ordered.slice(1).map((run, at) => run.timestamp.getTime() - (ordered[at]?.timestamp.getTime() ?? 0));
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? Infinity;
}
