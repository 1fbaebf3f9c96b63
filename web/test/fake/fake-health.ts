import type { Input, Output } from "../../src/lib/client.ts";

type Configuration = Output<"healthcheck", "getConfigurations">["configurations"][number];
type Association = Output<"healthcheck", "getSystemAssociations">[number];
type Status = Output<"healthcheck", "getSystemHealthStatus">;
type Run = Output<"healthcheck", "getHistory">["runs"][number];
export type FakeRunStatus = Run["status"];

const TICKS = 40;
const ORDER = ["healthy", "unknown", "degraded", "unhealthy"] as const;

interface Check {
  systemId: string;
  association: Association;
  runs: Run[];
  state: Status["status"];
  since: Date | undefined;
  /** How many runs in a row ended like the last one. */
  streak: number;
}

/** The checks of the fake server: just enough of them that states change the way they do. */
export class FakeHealth {
  readonly configurations: Configuration[] = [];
  private readonly checks: Check[] = [];
  private lastRun = 0;

  create(id: string, input: Input<"healthcheck", "createConfiguration">): Configuration {
    const configuration = { ...input, id, paused: false, createdAt: new Date(), updatedAt: new Date() };
    this.configurations.push(configuration);
    return configuration;
  }

  update(id: string, body: Input<"healthcheck", "updateConfiguration">["body"]): Configuration {
    return Object.assign(this.configuration(id), body, { updatedAt: new Date() });
  }

  delete(id: string): void {
    const at = this.configurations.findIndex((each) => each.id === id);
    if (at >= 0) this.configurations.splice(at, 1);
  }

  pause(id: string, paused: boolean): void {
    this.configuration(id).paused = paused;
  }

  configuration(id: string): Configuration {
    const configuration = this.configurations.find((each) => each.id === id);
    if (!configuration) throw new Error(`no configuration ${id}`);
    return configuration;
  }

  associate(systemId: string, { configurationId, enabled = true, stateThresholds }: Input<"healthcheck", "associateSystem">["body"]): void {
    const check = this.checks.find((each) => each.systemId === systemId && each.association.configurationId === configurationId);
    const association: Association = {
      configurationId,
      configurationName: this.configuration(configurationId).name,
      enabled,
      ...(stateThresholds === undefined && check?.association.stateThresholds ? { stateThresholds: check.association.stateThresholds } : {}),
      ...(stateThresholds?.mode === "consecutive"
        ? {
            stateThresholds: {
              mode: "consecutive",
              healthy: { minSuccessCount: stateThresholds.healthy.minSuccessCount ?? 1 },
              degraded: { minFailureCount: stateThresholds.degraded.minFailureCount ?? 2 },
              unhealthy: { minFailureCount: stateThresholds.unhealthy.minFailureCount ?? 5 },
            },
          }
        : {}),
    };
    if (check) check.association = association;
    else this.checks.push({ systemId, association, runs: [], state: "unknown", since: undefined, streak: 0 });
  }

  disassociate(systemId: string, configurationId: string): void {
    const at = this.checks.findIndex((each) => each.systemId === systemId && each.association.configurationId === configurationId);
    if (at >= 0) this.checks.splice(at, 1);
  }

  forget(systemId: string): void {
    for (const { configurationId } of this.checksOf(systemId)) this.disassociate(systemId, configurationId);
  }

  checksOf(systemId: string): Association[] {
    return this.checks.filter((each) => each.systemId === systemId).map((each) => each.association);
  }

  associations(systemId: string): Association[] {
    return this.checksOf(systemId);
  }

  run(systemId: string, configurationId: string, { status, latencyMs, message, at }: { status: FakeRunStatus; latencyMs: number | undefined; message: string | undefined; at: Date }) {
    const check = this.checks.find((each) => each.systemId === systemId && each.association.configurationId === configurationId);
    if (!check) throw new Error("no such check");
    const before = this.status(systemId).status;
    const failed = status !== "healthy";
    const lastFailed = (check.runs[0]?.status ?? status) !== "healthy";
    check.streak = failed === lastFailed ? check.streak + 1 : 1;
    check.runs.unshift({
      id: `run-${String(++this.lastRun)}`,
      systemId,
      configurationId,
      status,
      timestamp: at,
      ...(latencyMs === undefined ? {} : { latencyMs }),
      ...(message === undefined ? {} : { message }),
    });
    const thresholds = check.association.stateThresholds;
    const [healthy, degraded, unhealthy] =
      thresholds?.mode === "consecutive" ? [thresholds.healthy.minSuccessCount, thresholds.degraded.minFailureCount, thresholds.unhealthy.minFailureCount] : [1, 2, 5];
    const state = failed ? (check.streak >= unhealthy ? "unhealthy" : check.streak >= degraded ? "degraded" : check.state) : check.streak >= healthy ? "healthy" : check.state;
    if (state !== check.state) check.since = at;
    check.state = state;
    return { before, after: this.status(systemId).status };
  }

  status(systemId: string): Status {
    // A check that does not run has no say.
    const mine = this.checks.filter((each) => each.systemId === systemId && each.association.enabled && !this.configuration(each.association.configurationId).paused);
    const worst = mine.reduce<Check | undefined>((found, each) => (!found || ORDER.indexOf(each.state) > ORDER.indexOf(found.state) ? each : found), undefined);
    return {
      status: worst?.state ?? "unknown",
      evaluatedAt: new Date(),
      ...(worst?.since ? { since: worst.since } : {}),
      checkStatuses: mine.map(({ association, runs, state }) => ({
        configurationId: association.configurationId,
        configurationName: association.configurationName,
        status: state,
        runsConsidered: Math.min(runs.length, 100),
        ...(runs[0] ? { lastRunAt: runs[0].timestamp } : {}),
        recentRuns: runs
          .slice(0, TICKS)
          .reverse()
          .map(({ status, timestamp, latencyMs }) => ({ status, timestamp, ...(latencyMs === undefined ? {} : { latencyMs }) })),
      })),
    };
  }

  history({ systemId, configurationId, limit = 10, offset = 0, sortOrder }: Input<"healthcheck", "getHistory">): Output<"healthcheck", "getHistory"> {
    const runs = this.checks
      .filter((each) => systemId === undefined || each.systemId === systemId)
      .flatMap((each) => each.runs)
      .filter((run) => configurationId === undefined || run.configurationId === configurationId)
      .sort((a, b) => (b.timestamp.getTime() - a.timestamp.getTime()) * (sortOrder === "desc" ? 1 : -1));
    return { runs: runs.slice(offset, offset + limit), total: runs.length, limit, offset };
  }
}
