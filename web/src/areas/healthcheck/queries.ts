import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Output } from "@/lib/client";
import { rpcQuery } from "@/lib/query";

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
