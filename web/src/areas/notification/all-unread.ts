import { useMutation } from "@tanstack/react-query";
import { client } from "@/lib/client";
import { t } from "@/lib/i18n/later";
import { errorText } from "@/ui/error-text";
import { useToast } from "@/ui/toasts";
import type { Notification } from "./queries";

/** So many are marked with a way back: should each need a call of its own as the page closes, Chromium lets 256 outlive it. */
export const MOST_UNREAD = 200;
const PAGE = 100;

/** Fetches every unread row, newest first; of more than `MOST_UNREAD` only the first ones, and how many there are. */
export function useAllUnread() {
  const toast = useToast();
  return useMutation({
    mutationFn: async (): Promise<{ rows: readonly Notification[]; total: number }> => {
      // One that arrives meanwhile moves the others on, and one is met twice.
      const rows = new Map<string, Notification>();
      for (let offset = 0; ; offset += PAGE) {
        const { notifications, total } = await client.notification.getNotifications({ limit: PAGE, offset, unreadOnly: true });
        for (const row of notifications) rows.set(row.id, row);
        if (total > MOST_UNREAD || offset + PAGE >= total) return { rows: [...rows.values()], total };
      }
    },
    onError: (error) => toast({ tone: "error", text: t("error.undone", { what: t("inbox.marking"), why: errorText(error) }) }),
  });
}
