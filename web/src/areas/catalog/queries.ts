import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, type Input, type Output } from "@/lib/client";
import { refresh, rpcQuery } from "@/lib/query";
import { saveSystem, type Progress } from "./save-system";
import type { SystemValues } from "./system-values";

export type Group = Output<"catalog", "getGroups">[number];
export type Contact = Output<"catalog", "getSystemContacts">[number];
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

export function useGroups() {
  return useQuery(rpcQuery("catalog", "getGroups"));
}

export function useAddGroup() {
  return useGroupChange((name: string) => client.catalog.createGroup({ name }));
}

export function useRenameGroup() {
  return useGroupChange(({ id, name }: { id: string; name: string }) => client.catalog.updateGroup({ id, data: { name } }));
}

export function useDeleteGroup() {
  return useGroupChange(({ id }: Group) => client.catalog.deleteGroup({ id }));
}

export function useAddToGroup() {
  return useGroupChange((membership: Membership) => client.catalog.addSystemToGroup(membership));
}

export function useRemoveFromGroup() {
  return useGroupChange((membership: Membership) => client.catalog.removeSystemFromGroup(membership));
}

interface Membership {
  groupId: string;
  systemId: string;
}

function useGroupChange<V, O>(call: (variables: V) => Promise<O>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: call, onSuccess: () => refresh(queries, [["catalog", "getGroups"], ["notification", "getGroups"]]) });
}

/** Who answers for a system; for who is signed in. */
export function useContacts(systemId: string) {
  return useQuery(rpcQuery("catalog", "getSystemContacts", { systemId }));
}

export function useAddContact() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: Input<"catalog", "addSystemContact">) => client.catalog.addSystemContact(input),
    onSuccess: (_, { systemId }) => refresh(queries, [["catalog", "getSystemContacts", { systemId }]]),
  });
}

export function useRemoveContact() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, systemId }: Contact) => client.catalog.removeSystemContact({ id, systemId }),
    onSuccess: (_, { systemId }) => refresh(queries, [["catalog", "getSystemContacts", { systemId }]]),
  });
}
