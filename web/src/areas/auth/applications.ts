import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, type Input, type Output } from "@/lib/client";
import { itemsOf, refresh, rpcQuery } from "@/lib/query";

/** API keys. */

export type Application = Extract<Output<"auth", "getApplications">, unknown[]>[number];

const applicationsKey = ["auth", "getApplications"];

export function useApplications() {
  return useQuery({ ...rpcQuery("auth", "getApplications"), select: itemsOf<Application> });
}

/** Answers the key with its secret, which is told this once. */
export function useCreateApplication() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: (input: Input<"auth", "createApplication">) => client.auth.createApplication(input), onSuccess: () => refresh(queries, [applicationsKey]) });
}

export function useUpdateApplication() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: (input: Input<"auth", "updateApplication">) => client.auth.updateApplication(input), onSuccess: () => refresh(queries, [applicationsKey]) });
}

/** Answers the new secret; the old one opens the door for so many hours more. */
export function useRotateSecret() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: (input: { id: string; keepHours: number }) => client.auth.rotateApplicationSecret(input), onSuccess: () => refresh(queries, [applicationsKey]) });
}

/** Ends a key for good, and keeps it in the list. */
export function useRevokeApplication() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: ({ id }: Application) => client.auth.revokeApplication({ id }), onSuccess: () => refresh(queries, [applicationsKey]) });
}

export function useDeleteApplication() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: ({ id }: Application) => client.auth.deleteApplication({ id }), onSuccess: () => refresh(queries, [applicationsKey]) });
}
