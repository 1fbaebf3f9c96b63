import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, type Input, type Output } from "@/lib/client";
import { t } from "@/lib/i18n/later";
import { itemsOf, refresh, rpcQuery } from "@/lib/query";
import { useOptimistic } from "@/ui/use-optimistic";

/** Users, their roles and what those allow, for who administers them. */

export type User = Extract<Output<"auth", "getUsers">, unknown[]>[number];
export type Role = Output<"auth", "getRoles">[number];
export type AccessRule = Output<"auth", "getAccessRules">[number];

/** The role that holds every rule, and the one of visitors. */
export const ADMIN = "admin";
export const ANONYMOUS = "anonymous";

const usersKey = ["auth", "getUsers"];
const rolesKey = ["auth", "getRoles"];
/** A role of one's own may be among those changed. */
const ownRulesKey = ["auth", "accessRules"];

export function useUsers(enabled = true) {
  return useQuery({ ...rpcQuery("auth", "getUsers"), select: itemsOf<User>, enabled });
}

export function useRoles(enabled = true) {
  return useQuery({ ...rpcQuery("auth", "getRoles"), enabled });
}

export function useRules() {
  return useQuery(rpcQuery("auth", "getAccessRules"));
}

export function useAddUser() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: (input: Input<"auth", "createCredentialUser">) => client.auth.createCredentialUser(input), onSuccess: () => refresh(queries, [usersKey]) });
}

/** Gives a user exactly these roles. */
export function useSetUserRoles() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: (input: Input<"auth", "updateUserRoles">) => client.auth.updateUserRoles(input), onSuccess: () => refresh(queries, [usersKey, ownRulesKey]) });
}

export function useDeleteUser() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: ({ id }: User) => client.auth.deleteUser({ id }), onSuccess: () => refresh(queries, [usersKey]) });
}

/** Makes a role, or changes the one that is named. */
export function useSaveRole() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, ...role }: { id: string | undefined; name: string; description: string; accessRules: string[] }) =>
      id === undefined ? client.auth.createRole(role) : client.auth.updateRole({ id, ...role }),
    onSuccess: () => refresh(queries, [rolesKey, ownRulesKey]),
  });
}

export function useDeleteRole() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: ({ id }: Role) => client.auth.deleteRole({ id }), onSuccess: () => refresh(queries, [rolesKey, usersKey, ["auth", "getApplications"]]) });
}

export function useSwitchRegistration() {
  return useOptimistic({
    call: (allowRegistration: boolean) => client.auth.setRegistrationStatus({ allowRegistration }),
    keys: [["auth", "getRegistrationStatus"]],
    show: (allowRegistration, patch) => patch<Output<"auth", "getRegistrationStatus">>(["auth", "getRegistrationStatus"], (status) => ({ ...status, allowRegistration })),
    what: () => t("users.switching"),
  });
}
