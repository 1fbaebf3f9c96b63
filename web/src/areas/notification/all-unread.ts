import { useMutation } from "@tanstack/react-query";
import { client } from "@/lib/client";
import { t } from "@/lib/i18n/later";
import { errorText } from "@/ui/error-text";
import { useToast } from "@/ui/toasts";
import type { Notification } from "./queries";

/** So many are marked with a way back: should each need a call of its own as the page closes, Chromium lets 256 outlive it. */
export const MOST_UNREAD = 200;
const PAGE = 100;

interface AllUnread {
  rows: readonly Notification[];
  total: number;
}

/**
 * Fetches every unread row, newest first; of more than `MOST_UNREAD` only the first ones, and how many there are. What is to be done with
 * them is done even if who asked is off the page by then.
 */
export function useAllUnread(onSuccess: (all: AllUnread) => void) {
  const toast = useToast();
  return useMutation({
    mutationFn: async (): Promise<AllUnread> => {
      // One that arrives meanwhile moves the others on, and one is met twice.
      const rows = new Map<string, Notification>();
      for (let offset = 0; ; offset += PAGE) {
        const { notifications, total } = await client.notification.getNotifications({ limit: PAGE, offset, unreadOnly: true });
        for (const row of notifications) rows.set(row.id, row);
        if (total > MOST_UNREAD || offset + PAGE >= total) return { rows: [...rows.values()], total };
      }
    },
    onSuccess,
    onError: (error) => toast({ tone: "error", text: t("error.undone", { what: t("inbox.marking"), why: errorText(error) }) }),
  });
}
