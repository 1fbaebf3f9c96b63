import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, type Output } from "@/lib/client";
import { refresh, rpcQuery } from "@/lib/query";

export type SystemStatus = Output<"healthcheck", "getBulkSystemHealthStatus">["statuses"][string];
export type CheckStatus = SystemStatus["checkStatuses"][number];
export type State = SystemStatus["status"];
export type Run = Output<"healthcheck", "getHistory">["runs"][number];
export type Configuration = Output<"healthcheck", "getConfigurations">["configurations"][number];
export type Association = Output<"healthcheck", "getSystemAssociations">[number];

/** The most systems one call may ask for. */
const BULK_LIMIT = 1_000;
export const RUNS_PAGE = 10;
const CHART_RUNS = 100;

/** The state of each system, by id. Beyond the bulk limit the rest reads as unknown: no list that long is drawn yet. */
export function useStatuses(systemIds: readonly string[]) {
  return useQuery({
    ...rpcQuery("healthcheck", "getBulkSystemHealthStatus", { systemIds: systemIds.slice(0, BULK_LIMIT) }),
    enabled: systemIds.length > 0,
    placeholderData: keepPreviousData,
  });
}

export function useStatus(systemId: string) {
  return useQuery(rpcQuery("healthcheck", "getSystemHealthStatus", { systemId }));
}

/** One page of a system's runs, from 1, newest first. */
export function useRuns(systemId: string, page: number) {
  return useQuery({
    ...rpcQuery("healthcheck", "getHistory", { systemId, limit: RUNS_PAGE, offset: (page - 1) * RUNS_PAGE, sortOrder: "desc" }),
    placeholderData: keepPreviousData,
  });
}

/** The runs the latency chart draws. */
export function useChartRuns(systemId: string) {
  return useQuery(rpcQuery("healthcheck", "getHistory", { systemId, limit: CHART_RUNS, offset: 0, sortOrder: "desc" }));
}

export function useAssociations(systemId: string, enabled: boolean) {
  return useQuery({ ...rpcQuery("healthcheck", "getSystemAssociations", { systemId }), enabled });
}

export function useConfigurations(enabled: boolean) {
  return useQuery({ ...rpcQuery("healthcheck", "getConfigurations"), enabled });
}

/** A check of one system, put together from what its reader may see of it. */
export interface SystemCheck {
  configurationId: string;
  name: string;
  /** It is set up but does not run: switched off for this system, or paused for all. */
  paused: boolean;
  /** Absent while paused: a check that does not run has no say in the state. */
  status: CheckStatus | undefined;
  configuration: Configuration | undefined;
}

/** The checks of a system; paused ones only for who may read set-ups, since the status does not know them. */
export function useSystemChecks(systemId: string, status: SystemStatus | undefined, mayRead: boolean): readonly SystemCheck[] {
  const associations = useAssociations(systemId, mayRead);
  const configurations = useConfigurations(mayRead);
  const running = status?.checkStatuses ?? [];
  const resting = (associations.data ?? []).filter((each) => !running.some((check) => check.configurationId === each.configurationId));
  const configurationOf = (id: string) => configurations.data?.configurations.find((each) => each.id === id);
  return [
    ...running.map((check) => ({ configurationId: check.configurationId, name: check.configurationName, paused: false, status: check, configuration: configurationOf(check.configurationId) })),
    ...resting.map(({ configurationId, configurationName, enabled }) => {
      const configuration = configurationOf(configurationId);
      return { configurationId, name: configurationName, paused: !enabled || configuration?.paused === true, status: undefined, configuration };
    }),
  ];
}

/** Lets a check run on a system, or rest. `resume`: it is also paused for all systems, and goes on for all. */
export function useSwitchCheck() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ systemId, configurationId, running, resume }: { systemId: string; configurationId: string; running: boolean; resume: boolean }) => {
      if (resume) await client.healthcheck.resumeConfiguration({ id: configurationId });
      await client.healthcheck.associateSystem({ systemId, body: { configurationId, enabled: running } });
    },
    onSettled: () => refresh(queries, [["healthcheck"]]),
  });
}

/** Takes a check off a system. Its configuration stays: another system may use it. */
export function useRemoveCheck() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ systemId, configurationId }: { systemId: string; configurationId: string }) => client.healthcheck.disassociateSystem({ systemId, configId: configurationId }),
    onSuccess: () => refresh(queries, [["healthcheck"]]),
  });
}
