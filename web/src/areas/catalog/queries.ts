import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, type Output } from "@/lib/client";
import { refresh, rpcQuery } from "@/lib/query";
import { saveSystem, type Progress } from "./save-system";
import type { SystemValues } from "./system-values";

export type System = Output<"catalog", "getSystems">["systems"][number];

const changedAreas = [["catalog"], ["healthcheck"], ["notification", "getSubscriptions"]];

/** The notification group whose subscribers are told about a system. */
export const groupOf = (systemId: string) => `catalog.system.${systemId}`;

export function useSystems() {
  return useQuery(rpcQuery("catalog", "getSystems"));
}

/** Null when there is no such system. */
export function useSystem(systemId: string) {
  return useQuery(rpcQuery("catalog", "getSystem", { systemId }));
}

/** Adds or changes a system with its check. `progress` keeps how far it came, so that another try goes on from there. */
export function useSaveSystem(progress: Progress) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (values: SystemValues) => saveSystem(client, progress, values, groupOf),
    onSettled: () => refresh(queries, changedAreas),
  });
}

export function useDeleteSystem() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (systemId: string) => client.catalog.deleteSystem({ id: systemId }),
    onSuccess: () => refresh(queries, changedAreas),
  });
}
