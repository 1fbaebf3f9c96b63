import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, type Input } from "@/lib/client";
import { refresh, rpcQuery } from "@/lib/query";
import { sessionClient, type OpenSession } from "@/lib/session-client";
import { sessionQuery } from "./queries";

/** What a person sees and changes of their own account. */

const sessionsKey = ["auth", "sessions"];

export function useProfile() {
  return useQuery(rpcQuery("auth", "getCurrentUserProfile"));
}

/** Whether a code is asked at the sign-in. */
export function useHasSecondFactor(): boolean {
  return useQuery(sessionQuery).data?.user.twoFactorEnabled === true;
}

export function useChangeProfile() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: Input<"auth", "updateCurrentUser">) => client.auth.updateCurrentUser(input),
    onSuccess: () => refresh(queries, [["auth", "getCurrentUserProfile"], sessionQuery.queryKey, sessionsKey]),
  });
}

/** A new password ends every other session. */
export function useChangePassword() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: { currentPassword: string; newPassword: string }) => sessionClient.changePassword({ ...input, revokeOtherSessions: true }),
    onSuccess: () => refresh(queries, [sessionQuery.queryKey, sessionsKey]),
  });
}

export function useSessions() {
  return useQuery({ queryKey: sessionsKey, queryFn: ({ signal }) => sessionClient.list(signal) });
}

export function useEndSession() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: (session: OpenSession) => sessionClient.revoke(session), onSuccess: () => refresh(queries, [sessionsKey]) });
}

export function useEndOtherSessions() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: () => sessionClient.revokeOthers(), onSuccess: () => refresh(queries, [sessionsKey]) });
}

/** Makes a secret for the app and recovery codes; nothing is asked at the sign-in until a first code has been confirmed. */
export function useEnableSecondFactor() {
  return useMutation({ mutationFn: (password: string) => sessionClient.enableSecondFactor({ password }) });
}

export function useConfirmSecondFactor() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: (code: string) => sessionClient.verifyCode({ code }), onSuccess: () => refresh(queries, [sessionQuery.queryKey]) });
}

export function useDisableSecondFactor() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: (password: string) => sessionClient.disableSecondFactor({ password }), onSuccess: () => refresh(queries, [sessionQuery.queryKey]) });
}

export function useMakeRecoveryCodes() {
  return useMutation({ mutationFn: (password: string) => sessionClient.makeRecoveryCodes({ password }) });
}
