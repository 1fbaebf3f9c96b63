import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { isState } from "@/areas/healthcheck/states";
import type { State } from "@/areas/healthcheck/queries";
import { client, type Output } from "@/lib/client";
import { refresh, rpcQuery } from "@/lib/query";
import { asRecord } from "@/lib/record";

/** Views: narrowings of the list of systems that were kept under a name, for everybody. */

export type View = Output<"catalog", "getViews">[number];

/** What narrows the list of systems; the address holds the same. */
export interface SystemFilter {
  state?: State;
  q?: string;
}

const viewsKey = ["catalog", "getViews"];

/** No signal tells of them, so they are asked for whenever they are looked at. */
export function useViews() {
  return useQuery({ ...rpcQuery("catalog", "getViews"), staleTime: 0 });
}

export function useAddView() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ name, filter }: { name: string; filter: SystemFilter }) => client.catalog.createView({ name, configuration: { systems: filter } }),
    onSuccess: () => refresh(queries, [viewsKey]),
  });
}

export function useDeleteView() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: ({ id }: View) => client.catalog.deleteView({ id }), onSuccess: () => refresh(queries, [viewsKey]) });
}

/** What a view narrows the list to; undefined for one that another program keeps for a purpose of its own. */
export function filterOf({ configuration }: { configuration: unknown }): SystemFilter | undefined {
  const { systems } = asRecord(configuration);
  if (systems === undefined) return undefined;
  const { state, q } = asRecord(systems);
  return { ...(isState(state) ? { state } : {}), ...(typeof q === "string" && q !== "" ? { q } : {}) };
}
