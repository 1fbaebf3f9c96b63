import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { client, type Input } from "@/lib/client";
import { t } from "@/lib/i18n/later";
import { refresh } from "@/lib/query";
import { errorText } from "@/ui/error-text";
import { useToast } from "@/ui/toasts";
import { AT_ONCE, inChunks } from "./in-chunks";
import { inboxKeys, type Inbox, type Notification, type UnreadCount } from "./queries";
import { after, readsOf, UndoLine, type Step } from "./undo-line";
import { setUnsent } from "./unsent";

/** Long enough to read what happened and to find the way back. */
const UNDO_MS = 8_000;

/** One for each app: what is done in the bell and on the inbox's page is taken back in the order in which it was done. */
const lines = new WeakMap<QueryClient, UndoLine>();

function lineOf(queries: QueryClient, toast: ReturnType<typeof useToast>): UndoLine {
  const known = lines.get(queries);
  if (known !== undefined) return known;
  let leaving = new AbortController();
  const line: UndoLine = new UndoLine({
    windowMs: UNDO_MS,
    changed: (steps) => setUnsent(readsOf(steps), sendAtOnce),
    send: async (step) => {
      const error = await send(queries, step, leaving.signal);
      if (error !== undefined) toast({ tone: "error", text: t("error.undone", { what: step.kind === "read" ? t("inbox.marking") : t("inbox.deleting"), why: errorText(error) }) });
    },
  });
  const sendAtOnce = async () => {
    leaving.abort();
    const sent = line.flush();
    leaving = new AbortController();
    await sent;
  };
  lines.set(queries, line);
  return line;
}

/**
 * What its reader does to the inbox, wherever that is, and the way back. A step goes to the server when its time is over, and at once
 * when the site is left (`unsent.ts`); another page of it is no reason.
 */
export function useUndo() {
  const toast = useToast();
  const line = lineOf(useQueryClient(), toast);
  const steps = useSyncExternalStore(line.watch, line.steps);

  const begin = (step: Step) => {
    if (step.rows.length === 0) return;
    line.add(step, toast({ text: saidOf(step), stays: true, action: { text: t("inbox.undo"), run: () => undo(step) } }));
  };
  // Rows of other pages come back too, so it is said.
  const undo = (step?: Step) => {
    const undone = line.undo(step);
    toast({ text: undone === undefined ? t("inbox.nothingToUndo") : saidOfUndone(undone) });
  };

  return {
    steps,
    markRead: (rows: readonly Notification[]) => begin({ kind: "read", rows: rows.filter((row) => !row.isRead) }),
    /** The rows are all that the server has as unread. */
    markAllRead: (rows: readonly Notification[]) => {
      const unsent = readsOf(line.steps());
      begin({ kind: "read", rows: rows.filter(({ id }) => !unsent.has(id)), all: true });
    },
    remove: (rows: readonly Notification[]) => begin({ kind: "delete", rows }),
    undo: () => undo(),
  };
}

function saidOf({ kind, rows: [first, ...others] }: Step): string {
  const count = others.length + 1;
  if (count > 1 || first === undefined) return kind === "read" ? t("inbox.readMany", { count }) : t("inbox.deletedMany", { count });
  return kind === "read" ? t("inbox.readOne", { title: first.title }) : t("inbox.deletedOne", { title: first.title });
}

function saidOfUndone({ kind, rows: [first, ...others] }: Step): string {
  const count = others.length + 1;
  if (count > 1 || first === undefined) return kind === "read" ? t("inbox.unreadMany", { count }) : t("inbox.backMany", { count });
  return kind === "read" ? t("inbox.unreadOne", { title: first.title }) : t("inbox.backOne", { title: first.title });
}

// What is sent while the page closes must outlive it.
const options = { context: { keepalive: true } };

/** Tells the server, and keeps what it took; why it refused the rest, if it did. `hurry`: the page is going. */
async function send(queries: QueryClient, step: Step, hurry: AbortSignal): Promise<unknown> {
  const { kind, rows } = step;
  const told = (await isAllByNow(queries, step, hurry))
    ? await Promise.allSettled([client.notification.markAsRead({}, options)]).then(([answer]) => rows.map(() => answer))
    : await inChunks(rows, hurry, ({ id: notificationId }) => (kind === "read" ? client.notification.markAsRead({ notificationId }, options) : client.notification.deleteNotification({ notificationId }, options)));
  const done: Step = { kind, rows: rows.filter((_, at) => told[at]?.status === "fulfilled") };
  await Promise.all(inboxKeys.map((queryKey) => queries.cancelQueries({ queryKey })));
  for (const [queryKey, inbox] of queries.getQueriesData<Inbox>({ queryKey: ["notification", "getNotifications"] })) {
    const { collapseKey, ...view } = queryKey[2] as Input<"notification", "getNotifications">;
    // The rows of one card are fetched again; how many of these are among them is not known here.
    if (inbox !== undefined && collapseKey === undefined) queries.setQueryData<Inbox>(queryKey, after([done], inbox, view));
  }
  queries.setQueryData<UnreadCount>(["notification", "getUnreadCount"], (unread) => unread && { count: Math.max(0, unread.count - readsOf([done]).size) });
  refresh(queries, inboxKeys);
  return told.find((each) => each.status === "rejected")?.reason;
}

/**
 * Whether one call may mark whatever is unread, since that is nothing but the rows of this step: what arrived while it waited must stay
 * unread. A page that goes has no time to ask, and judges by the count that it was last told.
 */
async function isAllByNow(queries: QueryClient, { rows, all = false }: Step, hurry: AbortSignal): Promise<boolean> {
  if (!all || rows.length <= AT_ONCE) return false;
  try {
    const { notifications } = await client.notification.getNotifications({ limit: 1, offset: 0, unreadOnly: true }, { signal: hurry });
    return notifications.every((newest) => rows.some(({ id }) => id === newest.id));
  } catch {
    const known = queries.getQueryData<UnreadCount>(["notification", "getUnreadCount"]);
    return known !== undefined && known.count <= rows.length;
  }
}
