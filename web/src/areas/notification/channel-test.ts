import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { client } from "@/lib/client";
import { refresh } from "@/lib/query";

// Beside queries.ts, which the first page carries.

export type ChannelTest = ReturnType<typeof useChannelTest>;

/** Sends its reader a test over a channel. How that ended is forgotten when the channel is switched; who saves its settings resets it. */
export function useChannelTest(strategyId: string, enabled: boolean) {
  const queries = useQueryClient();
  const test = useMutation({
    mutationFn: () => client.notification.sendTestNotification({ strategyId }),
    onSuccess: ({ success }) => {
      // A receiver that is gone for good takes its reader's channel down.
      if (!success) refresh(queries, [["notification", "getUserDeliveryChannels"]]);
    },
  });
  const { reset } = test;
  useEffect(reset, [reset, enabled]);
  return test;
}
