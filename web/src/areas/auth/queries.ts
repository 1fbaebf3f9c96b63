import { queryOptions, useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { client, type Input } from "@/lib/client";
import { rpcQuery } from "@/lib/query";
import { sessionClient } from "@/lib/session-client";

const SETTLED_MS = 5 * 60_000;

const sessionKey = ["auth", "session"];

export const sessionQuery = queryOptions({ queryKey: sessionKey, queryFn: ({ signal }) => sessionClient.get(signal), staleTime: SETTLED_MS });
export const onboardingQuery = queryOptions({ ...rpcQuery("auth", "getOnboardingStatus"), staleTime: SETTLED_MS });
export const accessQuery = queryOptions({ ...rpcQuery("auth", "accessRules"), staleTime: SETTLED_MS });

export const registrationQuery = rpcQuery("auth", "getRegistrationStatus");

export function useSession() {
  return useQuery(sessionQuery);
}

export function useOnboardingStatus() {
  return useQuery(onboardingQuery);
}

/** Says whether the caller holds a rule (`area.resource.read`). The server judges anew; here it decides what is offered. */
export function useAccess(): (rule: string) => boolean {
  const { data } = useQuery(accessQuery);
  return (rule) => holds(data?.accessRules ?? [], rule);
}

/** `*` is every rule, and managing a thing includes reading it. */
export function holds(rules: readonly string[], rule: string): boolean {
  return rules.includes("*") || rules.includes(rule) || (rule.endsWith(".read") && rules.includes(rule.replace(/read$/, "manage")));
}

/** Reads anew who is signed in and what they may do; the pages follow from that. */
async function enter(queries: QueryClient): Promise<void> {
  await queries.resetQueries({ queryKey: ["auth", "accessRules"] });
  await queries.query({ ...sessionQuery, staleTime: 0 });
}

/** Answers `secondFactor` when the password was right and a code is still wanted. */
export function useSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (input: { email: string; password: string }): Promise<"done" | "secondFactor"> => {
      const { twoFactorRedirect = false } = await sessionClient.signIn(input);
      if (twoFactorRedirect) return "secondFactor";
      await enter(queries);
      return "done";
    },
  });
}

/** Ends a sign-in that wanted a code, with one from the app or one of those kept for when it is lost. */
export function useSecondFactor() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ code, kind }: { code: string; kind: "app" | "recovery" }) => {
      await (kind === "app" ? sessionClient.verifyCode({ code }) : sessionClient.verifyRecoveryCode({ code }));
      await enter(queries);
    },
  });
}

export function useRegistrationStatus() {
  return useQuery(registrationQuery);
}

/** Makes an account of one's own, which is signed in at once. */
export function useSignUp() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (input: { name: string; email: string; password: string }) => {
      await sessionClient.signUp(input);
      await enter(queries);
    },
  });
}

export function useRequestReset() {
  return useMutation({ mutationFn: (email: string) => sessionClient.requestPasswordReset({ email, redirectTo: "/reset-password" }) });
}

/** Whether a link from a reset message still opens anything. */
export function useResetToken(token: string) {
  return useQuery({ ...rpcQuery("auth", "validateResetToken", { token }), enabled: token !== "", staleTime: Infinity });
}

export function useResetPassword() {
  return useMutation({ mutationFn: (input: { token: string; newPassword: string }) => sessionClient.resetPassword(input) });
}

/** Makes the first account and signs it in: it was typed a moment ago. */
export function useCompleteOnboarding() {
  const queries = useQueryClient();
  const signIn = useSignIn();
  return useMutation({
    mutationFn: async (input: Input<"auth", "completeOnboarding">) => {
      await client.auth.completeOnboarding(input);
      await signIn.mutateAsync({ email: input.email, password: input.password });
    },
    // Also when only the sign-in failed: the account is there, and the page must lead on.
    onSettled: () => queries.invalidateQueries(onboardingQuery),
  });
}

export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => sessionClient.signOut(),
    onSuccess: () => queries.setQueryData(sessionKey, null),
  });
}
