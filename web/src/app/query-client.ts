import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { accessQuery, sessionQuery } from "@/areas/auth/queries";
import { ApiError, isTransient } from "@/lib/api-error";

const FRESH_MS = 30_000;
const MOST_RETRIES = 2;

export function makeQueryClient(): QueryClient {
  // A call refused for want of a session means it has ended: the shell asks anew and leads to the sign-in.
  // One refused for want of a rule means the rules known here may be old: what is offered follows from them.
  const onError = (error: unknown) => {
    if (!(error instanceof ApiError) || !queries.getQueryData(sessionQuery.queryKey)) return;
    if (error.status === 401) void queries.invalidateQueries(sessionQuery);
    if (error.status === 403) void queries.invalidateQueries(accessQuery);
  };
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        // Signals say when something changed; this only bounds how long a lost one can matter once the page is looked at again.
        staleTime: FRESH_MS,
        retry: (failures, error) => isTransient(error) && failures < MOST_RETRIES,
        retryDelay: (failures) => Math.random() * Math.min(1_000 * 2 ** failures, 8_000),
        // A loopback server is reachable without a network, so the browser's own idea of being offline does not count.
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
  return queries;
}
