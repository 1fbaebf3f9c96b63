import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Output } from "@/lib/client";
import { rpcQuery } from "@/lib/query";

/** Who did what to whom. */

export type AuditEntry = Output<"auth", "getAuditLog">["items"][number];

export const AUDIT_PAGE = 50;

/** One page of the log, newest first, from 1; the page before stays in view while the next is fetched. */
export function useAuditLog(page: number, refusedOnly: boolean) {
  return useQuery({ ...rpcQuery("auth", "getAuditLog", { limit: AUDIT_PAGE, offset: (page - 1) * AUDIT_PAGE, ...(refusedOnly ? { outcome: "refused" } : {}) }), placeholderData: keepPreviousData });
}
