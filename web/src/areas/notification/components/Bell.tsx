import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useRef, useState } from "react";
import { badgeCount } from "@/lib/format";
import { t } from "@/lib/i18n/t";
import { plainText } from "@/lib/plain-text";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { EmptyState } from "@/ui/EmptyState";
import { Icon } from "@/ui/Icon";
import { Loaded } from "@/ui/Loaded";
import { Popover } from "@/ui/Popover";
import { RelativeTime } from "@/ui/RelativeTime";
import { Skeleton } from "@/ui/Skeleton";
import { SmartLink } from "@/ui/SmartLink";
import { BELL_SIZE, useLatest, useMarkAsRead, useUnreadCount, type Inbox, type Notification } from "../queries";
import { useUnsentReads } from "../unsent";
import { ImportanceMark } from "./ImportanceMark";

/** With the way back from it, which would take the rest of what the first page may weigh. */
const MarkAllRead = lazy(() => import("./MarkAllRead").then(({ MarkAllRead }) => ({ default: MarkAllRead })));

/** The bell of the top bar: how many are unread, and the last five of them. */
export function Bell() {
  const [open, setOpen] = useState(false);
  const count = useUnreadCount();
  const latest = useLatest(open);
  const content = useRef<HTMLDivElement>(null);
  const unsent = useUnsentReads();
  const close = () => setOpen(false);
  // What was just marked stays in the answer until it is fetched again; here it goes at once.
  const unreadOf = (inbox: Inbox) => inbox.notifications.filter((each) => !each.isRead && !unsent.has(each.id)).slice(0, BELL_SIZE);
  const loading = <Skeleton rows={3} className="h-16" />;

  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={t("bell.title")}
      className="w-96"
      trigger={
        <button
          type="button"
          data-testid="bell-button"
          aria-label={count === 0 ? t("bell.labelNone") : t("bell.label", { count })}
          className="relative inline-flex size-9 items-center justify-center rounded-lg text-muted hover:bg-hover hover:text-text"
        >
          <Icon name="bell" className="size-4.5" />
          {count > 0 && (
            <span
              data-testid="bell-badge"
              className="absolute -top-0.5 left-4.5 min-w-4.5 rounded-full bg-accent px-1 text-center text-[0.6875rem] leading-4.5 font-semibold text-on-accent tabular-nums"
            >
              {badgeCount(count)}
            </span>
          )}
        </button>
      }
    >
      <div className="flex items-center justify-between gap-2 border-b border-line py-2 pr-2 pl-4">
        <h2 className="flex min-h-8 items-center font-semibold">{t("bell.title")}</h2>
        <Suspense fallback={count > 0 && <Button tone="quiet" small busy>{t("inbox.markAll")}</Button>}>
          <MarkAllRead tone="quiet" small onDone={() => content.current?.closest<HTMLElement>("[role=dialog]")?.focus()} />
        </Suspense>
      </div>
      <div ref={content} className="max-h-[min(28rem,60vh)] overflow-y-auto">
        <Loaded query={latest} loading={loading} isEmpty={(inbox) => unreadOf(inbox).length === 0} empty={() => (count > 0 && latest.isPlaceholderData ? loading : <EmptyState icon="bell" title={t("bell.empty")} />)}>
          {(inbox) => (
            <ul className="divide-y divide-line">
              {unreadOf(inbox).map((notification) => (
                <Item key={notification.id} notification={notification} onFollow={close} />
              ))}
            </ul>
          )}
        </Loaded>
      </div>
      <Link to="/inbox" onClick={close} className="block rounded-b-xl border-t border-line px-4 py-2.5 text-center font-medium text-accent-text hover:bg-hover">
        {t("bell.all")}
      </Link>
    </Popover>
  );
}

/** What matters has an edge, beside its mark and word. */
const edges = { info: "border-l-transparent", warning: "border-l-degraded-mark", critical: "border-l-unhealthy-mark" } as const;

function Item({ notification, onFollow }: { notification: Notification; onFollow: () => void }) {
  const markAsRead = useMarkAsRead();
  return (
    <li className={classes("border-l-4 py-3 pr-4 pl-3", edges[notification.importance])}>
      <div className="flex items-baseline justify-between gap-3">
        <p className="flex min-w-0 items-baseline gap-2 font-medium">
          <span className="translate-y-0.5">
            <ImportanceMark importance={notification.importance} wordless />
          </span>
          <span className={classes("line-clamp-2", notification.importance !== "info" && "font-semibold")}>{notification.title}</span>
        </p>
        <span className="shrink-0 text-sm text-muted">
          <RelativeTime at={notification.createdAt} />
        </span>
      </div>
      {notification.body !== "" && <p className="mt-0.5 line-clamp-2 pl-5.5 text-sm text-muted">{plainText(notification.body)}</p>}
      {notification.action && (
        <SmartLink
          href={notification.action.url}
          className="mt-1 ml-5.5 inline-block text-sm font-medium text-accent-text hover:underline"
          onFollow={() => {
            markAsRead.mutate(notification);
            onFollow();
          }}
        >
          {notification.action.label}
        </SmartLink>
      )}
    </li>
  );
}
