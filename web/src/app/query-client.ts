import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { sessionQuery } from "@/areas/auth/queries";
import { ApiError, isTransient } from "@/lib/api-error";

const FRESH_MS = 30_000;
const MOST_RETRIES = 2;

export function makeQueryClient(): QueryClient {
  // A call refused for want of a session means it has ended: the shell asks anew and leads to the sign-in.
  const onError = (error: unknown) => {
    if (error instanceof ApiError && error.status === 401 && queries.getQueryData(sessionQuery.queryKey)) void queries.invalidateQueries(sessionQuery);
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
