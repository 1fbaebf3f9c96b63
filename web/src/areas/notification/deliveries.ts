import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Output } from "@/lib/client";
import { rpcQuery } from "@/lib/query";

export type Delivery = Output<"notification", "getNotificationDeliveries">["deliveries"][number];

/** No signal tells how deliveries go on: while one is on its way it is asked again, often at first, and seldom once it waits for a later try. */
const SOON_MS = 3_000;
const LATER_MS = 30_000;
const FRESH_MS = 60_000;

/** How soon to ask again; false when all of them have ended. */
export function askAgainAfter(deliveries: readonly Delivery[], now: number): number | false {
  const waiting = deliveries.filter(({ state }) => state === "pending");
  if (waiting.length === 0) return false;
  return waiting.some(({ updatedAt }) => now - updatedAt.getTime() < FRESH_MS) ? SOON_MS : LATER_MS;
}

/** What became of these notifications on channels, in one call; an answer stays in view while that for other rows is fetched. */
export function useDeliveries(notificationIds: string[]) {
  return useQuery({
    ...rpcQuery("notification", "getNotificationDeliveries", { notificationIds }),
    enabled: notificationIds.length > 0,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => askAgainAfter(state.data?.deliveries ?? [], Date.now()),
  });
}

const outcomes = { pending: "pending", delivered: "delivered", refused: "failed", dead: "failed" } as const;

export const outcomeOf = ({ state }: Delivery) => outcomes[state];

/** It was not tried yet: it is just about to be, or its reader wants it later. */
export const isWaiting = ({ state, attempts }: Delivery) => state === "pending" && attempts === 0;
