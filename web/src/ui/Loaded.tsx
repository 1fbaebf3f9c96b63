import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ErrorState } from "./ErrorState";

interface LoadedProps<T> {
  query: UseQueryResult<T>;
  loading: ReactNode;
  /** Drawn instead of the data when there is nothing in it. */
  empty?: (data: T) => ReactNode;
  isEmpty?: (data: T) => boolean;
  children: (data: T) => ReactNode;
}

/**
 * The four states of a query. Data that is there stays on the page while it is fetched again, and when that fails: an old answer is
 * worth more than none.
 */
export function Loaded<T>({ query, loading, empty, isEmpty, children }: LoadedProps<T>) {
  if (query.data !== undefined) return empty && isEmpty?.(query.data) ? empty(query.data) : children(query.data);
  if (query.isError) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  return loading;
}
