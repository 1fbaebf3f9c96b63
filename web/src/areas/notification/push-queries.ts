import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client } from "@/lib/client";
import { refresh } from "@/lib/query";
import { devicesOf, pushState, subscribeHere, unsubscribeHere, type PushState } from "./push";
import type { Channel } from "./queries";

// Beside queries.ts, which the first page carries.

/** How it stands with pushes to this browser. */
export function usePushHere(channel: Channel) {
  const devices = devicesOf(channel);
  return useQuery({ queryKey: ["notification", "pushHere", devices], queryFn: () => pushState(devices) });
}

/** Turns pushes to this browser on, with its reader's permission, or off; "blocked" when he gave none. */
export function useSwitchPushHere(channel: Channel) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (on: boolean): Promise<PushState> => {
      if (!on) {
        const endpoint = await unsubscribeHere();
        if (endpoint !== undefined) await client.notification.removePushSubscription({ endpoint });
        return "off";
      }
      const { publicKey } = await client.notification.getPushKey();
      const subscription = await subscribeHere(publicKey, devicesOf(channel));
      if (subscription === undefined) return "blocked";
      await client.notification.addPushSubscription(subscription);
      return "on";
    },
    onSettled: () =>
      refresh(queries, [
        ["notification", "getUserDeliveryChannels"],
        ["notification", "pushHere"],
      ]),
  });
}
