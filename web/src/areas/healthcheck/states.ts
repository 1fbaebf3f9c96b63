import type { CheckStatus, State, SystemStatus } from "./queries";

/** Worst first: the order of lists and filters. */
export const states = ["unhealthy", "degraded", "unknown", "healthy"] as const satisfies readonly State[];

export function stateOf(status: SystemStatus | undefined): State {
  return status?.status ?? "unknown";
}

export function isState(value: unknown): value is State {
  return states.some((state) => state === value);
}

export type Tick = NonNullable<CheckStatus["recentRuns"]>[number];

/** How many runs the ticks of a system show. */
export const TICKS = 40;

/** The newest runs of all checks of a system, oldest first. */
export function recentRuns(status: SystemStatus | undefined): Tick[] {
  return (status?.checkStatuses ?? [])
    .flatMap((check) => check.recentRuns ?? [])
    .sort((a, b) => a.timestamp.getTime() - b.timestamp.getTime())
    .slice(-TICKS);
}
