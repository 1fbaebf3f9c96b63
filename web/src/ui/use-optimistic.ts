import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";
import { t } from "@/lib/i18n/t";
import { refresh } from "@/lib/query";
import { errorText } from "./error-text";
import { useToast } from "./toasts";

type Patch = <T>(queryKey: QueryKey, change: (data: T) => T) => void;

interface OptimisticOptions<V> {
  call: (variables: V) => Promise<unknown>;
  /** The queries that show the change. */
  keys: readonly QueryKey[];
  /** Shows the change before the server has made it. */
  show: (variables: V, patch: Patch) => void;
  /** What is undone when the call fails, as the toast names it. */
  what: (variables: V) => string;
}

/** A change that is shown at once, and taken back with a message when the server refuses it. */
export function useOptimistic<V>({ call, keys, show, what }: OptimisticOptions<V>) {
  const queries = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: call,
    onMutate: async (variables) => {
      await Promise.all(keys.map((queryKey) => queries.cancelQueries({ queryKey })));
      const before = keys.flatMap((queryKey) => queries.getQueriesData({ queryKey }));
      show(variables, (queryKey, change) => {
        queries.setQueriesData<Parameters<typeof change>[0]>({ queryKey }, (data) => (data === undefined ? undefined : change(data)));
      });
      return before;
    },
    onError: (error, variables, before) => {
      for (const [queryKey, data] of before ?? []) queries.setQueryData(queryKey, data);
      toast({ tone: "error", text: t("error.undone", { what: what(variables), why: errorText(error) }) });
    },
    onSettled: () => refresh(queries, keys),
  });
}
