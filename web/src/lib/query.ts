import { queryOptions, type QueryClient, type QueryKey } from "@tanstack/react-query";
import { client, type Area, type Input, type Output, type ProcedureOf } from "./client";

type Call<I, O> = (input: I, options: { signal: AbortSignal }) => Promise<O>;
type InputArgument<I> = undefined extends I ? [input?: I] : [input: I];

/** The query of one procedure. Its key is [area, procedure, input], so that a signal of an area can name all of it or a part. */
export function rpcQuery<A extends Area, P extends ProcedureOf<A>>(area: A, procedure: P, ...[input]: InputArgument<Input<A, P>>) {
  return queryOptions({
    queryKey: input === undefined ? [area, procedure] : [area, procedure, input],
    queryFn: ({ signal }) => {
      const procedures = client[area] as unknown as Record<P, Call<Input<A, P> | undefined, Output<A, P>>>;
      return procedures[procedure](input, { signal });
    },
  });
}

/** The items of a list that comes whole or in pages. */
export function itemsOf<T>(listing: readonly T[] | { items: readonly T[] }): readonly T[] {
  return "items" in listing ? listing.items : listing;
}

/**
 * Makes what these keys hold stale, and fetches again what is on the screen.
 *
 * A first load that is still under way may have been answered before the change, and the library joins it instead of starting
 * over; so such a query is fetched once more when that load ends.
 */
export function refresh(queries: QueryClient, keys: readonly QueryKey[]): void {
  for (const queryKey of keys) {
    for (const query of queries.getQueryCache().findAll({ queryKey, fetchStatus: "fetching" })) {
      if (query.state.data === undefined) {
        const again = () => void queries.invalidateQueries({ queryKey: query.queryKey, exact: true });
        query.promise?.then(again, () => undefined);
      }
    }
    void queries.invalidateQueries({ queryKey });
  }
}
