import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import { client, type Input } from "@/lib/client";
import { t } from "@/lib/i18n/later";
import { refresh } from "@/lib/query";
import { errorText } from "@/ui/error-text";
import { useToast } from "@/ui/toasts";
import { inboxKeys, type Inbox, type Notification, type UnreadCount } from "./queries";
import { after, readsOf, UndoLine, type Step } from "./undo-line";
import { offerSending, setUnsentReads } from "./unsent";

/** Long enough to read what happened and to find the way back. */
const UNDO_MS = 8_000;

/**
 * What its reader does to the inbox, and the way back. A step goes to the server when its time is over, and at once when the page is
 * left, hidden or closed, or its reader signs out.
 */
export function useUndo() {
  const queries = useQueryClient();
  const toast = useToast();
  const [line] = useState(
    () =>
      new UndoLine({
        windowMs: UNDO_MS,
        changed: (steps) => setUnsentReads(readsOf(steps)),
        send: async (step) => {
          const error = await send(queries, step);
          if (error !== undefined) toast({ tone: "error", text: t("error.undone", { what: step.kind === "read" ? t("inbox.marking") : t("inbox.deleting"), why: errorText(error) }) });
        },
      }),
  );
  const steps = useSyncExternalStore(line.watch, line.steps);

  useEffect(() => {
    const leave = () => void line.flush();
    const hide = () => {
      if (document.visibilityState === "hidden") leave();
    };
    const withdraw = offerSending(line.flush);
    window.addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", hide);
    return () => {
      withdraw();
      window.removeEventListener("pagehide", leave);
      document.removeEventListener("visibilitychange", hide);
      leave();
    };
  }, [line]);

  const begin = (kind: Step["kind"], rows: readonly Notification[]) => {
    if (rows.length === 0) return;
    const step = { kind, rows };
    line.add(step, toast({ text: saidOf(step), stays: true, action: { text: t("inbox.undo"), run: () => line.undo(step) } }));
  };

  return {
    steps,
    markRead: (rows: readonly Notification[]) => begin("read", rows.filter((row) => !row.isRead)),
    remove: (rows: readonly Notification[]) => begin("delete", rows),
    undo: () => {
      if (line.undo() === undefined) toast({ text: t("inbox.nothingToUndo") });
    },
  };
}

function saidOf({ kind, rows: [first, ...others] }: Step): string {
  const count = others.length + 1;
  if (count > 1 || first === undefined) return kind === "read" ? t("inbox.readMany", { count }) : t("inbox.deletedMany", { count });
  return kind === "read" ? t("inbox.readOne", { title: first.title }) : t("inbox.deletedOne", { title: first.title });
}

/** Tells the server, and keeps what it took; why it refused the rest, if it did. */
async function send(queries: QueryClient, { kind, rows }: Step): Promise<unknown> {
  // What is sent while the page closes must outlive it.
  const options = { context: { keepalive: true } };
  const told = await Promise.allSettled(
    rows.map(({ id: notificationId }) => (kind === "read" ? client.notification.markAsRead({ notificationId }, options) : client.notification.deleteNotification({ notificationId }, options))),
  );
  const done: Step = { kind, rows: rows.filter((_, at) => told[at]?.status === "fulfilled") };
  await Promise.all(inboxKeys.map((queryKey) => queries.cancelQueries({ queryKey })));
  for (const [queryKey, inbox] of queries.getQueriesData<Inbox>({ queryKey: ["notification", "getNotifications"] })) {
    const { unreadOnly = false, collapseKey } = queryKey[2] as Input<"notification", "getNotifications">;
    // The rows of one card are fetched again; how many of these are among them is not known here.
    if (inbox !== undefined && collapseKey === undefined) queries.setQueryData<Inbox>(queryKey, after([done], inbox, unreadOnly));
  }
  queries.setQueryData<UnreadCount>(["notification", "getUnreadCount"], (unread) => unread && { count: Math.max(0, unread.count - readsOf([done]).size) });
  refresh(queries, inboxKeys);
  return told.find((each) => each.status === "rejected")?.reason;
}
