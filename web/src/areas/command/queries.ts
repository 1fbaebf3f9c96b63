import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Output } from "@/lib/client";
import { rpcQuery } from "@/lib/query";

/** A thing that has a page, or something to be done and the page where it is done. */
export type Entry = Output<"command", "search">[number];

/** What its caller may see and do of what holds the text. The answer before stands until the next one is there. */
export function useEntries(text: string) {
  return useQuery({ ...rpcQuery("command", "search", { query: text }), staleTime: 0, placeholderData: keepPreviousData });
}
