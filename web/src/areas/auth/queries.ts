import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, type Input } from "@/lib/client";
import { rpcQuery } from "@/lib/query";
import { sessionClient } from "@/lib/session-client";

const SETTLED_MS = 5 * 60_000;

const sessionKey = ["auth", "session"];

export const sessionQuery = queryOptions({ queryKey: sessionKey, queryFn: ({ signal }) => sessionClient.get(signal), staleTime: SETTLED_MS });
export const onboardingQuery = queryOptions({ ...rpcQuery("auth", "getOnboardingStatus"), staleTime: SETTLED_MS });
export const accessQuery = queryOptions({ ...rpcQuery("auth", "accessRules"), staleTime: SETTLED_MS });

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

export function useSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (input: { email: string; password: string }) => {
      await sessionClient.signIn(input);
      await queries.resetQueries({ queryKey: ["auth", "accessRules"] });
      await queries.query({ ...sessionQuery, staleTime: 0 });
    },
  });
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
