import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, type Output } from "@/lib/client";
import { refresh, rpcQuery } from "@/lib/query";

/** What administrators see of everybody's notifications: how long they are kept, and what could not be delivered. */

export type Retention = Output<"notification", "getRetentionSettings">;
export type DeadLetter = Output<"notification", "getDeadLetters">["items"][number];
export type Attempt = Output<"notification", "getDeliveryAttempts">["items"][number];

export const DEAD_PAGE = 20;
/** A delivery is tried ten times, and as often again each time it is begun anew. */
const ATTEMPTS = 50;

export function useRetention() {
  return useQuery(rpcQuery("notification", "getRetentionSettings"));
}

export function useSaveRetention() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (wanted: Retention) => client.notification.setRetentionSettings(wanted),
    onSuccess: () => refresh(queries, [["notification", "getRetentionSettings"]]),
  });
}

/** One page, from 1, of deliveries that failed for good, the last one first; the page before stays in view while the next is fetched. */
export function useDeadLetters(page: number) {
  return useQuery({ ...rpcQuery("notification", "getDeadLetters", { limit: DEAD_PAGE, offset: (page - 1) * DEAD_PAGE }), placeholderData: keepPreviousData });
}

/** The last tries of one delivery, newest first. */
export function useAttempts(deliveryId: string) {
  return useQuery(rpcQuery("notification", "getDeliveryAttempts", { deliveryId, limit: ATTEMPTS, offset: 0 }));
}

export const ATTEMPT_PAGE = 20;
/** No signal tells of tries, so the page that shows them asks again while it is looked at. */
const ATTEMPT_REFRESH_MS = 10_000;

/** One page, from 1, of all tries or those of one notification, the last one first. */
export function useAttemptPage(page: number, notificationId: string | undefined) {
  return useQuery({
    ...rpcQuery("notification", "getDeliveryAttempts", { limit: ATTEMPT_PAGE, offset: (page - 1) * ATTEMPT_PAGE, ...(notificationId === undefined ? {} : { notificationId }) }),
    placeholderData: keepPreviousData,
    refetchInterval: ATTEMPT_REFRESH_MS,
  });
}

/** Begins a dead delivery anew. Whoever is told that somebody else already did sees the list without it. */
export function useReplay() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (letter: DeadLetter) => client.notification.replayDelivery({ deliveryId: letter.deliveryId }),
    onSettled: () =>
      refresh(queries, [
        ["notification", "getDeadLetters"],
        ["notification", "getDeliveryAttempts"],
      ]),
  });
}
