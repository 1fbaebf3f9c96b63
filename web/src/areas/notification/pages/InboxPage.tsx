import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { Choice } from "@/ui/Choice";
import { EmptyState } from "@/ui/EmptyState";
import { focusContent } from "@/ui/focus-content";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Pages } from "@/ui/Pages";
import { Redirect } from "@/ui/Redirect";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { useKeys } from "@/ui/use-keys";
import { InboxList } from "../components/InboxList";
import { KeysDialog } from "../components/KeysDialog";
import { MarkAllRead } from "../components/MarkAllRead";
import { PAGE_SIZE, useInbox, useMarkAsRead, type Inbox } from "../queries";
import { after } from "../undo-line";
import { useKeyChoice } from "../use-key-choice";
import { useUndo } from "../use-undo";

export function InboxPage() {
  const { page = 1, show = "all" } = useSearch({ from: "/shell/inbox" });
  const navigate = useNavigate();
  const inbox = useInbox(page, show === "unread");
  const markAsRead = useMarkAsRead();
  const { steps, markRead, remove, undo } = useUndo();
  const [keys, setKeys] = useKeyChoice();
  const [help, setHelp] = useState(false);
  const filter = useRef<HTMLDivElement>(null);

  // Another filter is another list, so it begins at its first page; what is the default is left out of the address.
  const open = (filter: typeof show, next = 1) => void navigate({ to: "/inbox", search: { ...(filter === "all" ? {} : { show: filter }), ...(next === 1 ? {} : { page: next }) } });
  const shown = (data: Inbox) => after(steps, data, show === "unread");

  useKeys(keys ? { "?": () => setHelp(true), u: undo, "/": () => filter.current?.querySelector<HTMLElement>("input:checked")?.focus() } : {});

  return (
    <>
      <PageHeader
        title={t("inbox.title")}
        actions={
          <>
            <Button tone="quiet" aria-keyshortcuts="?" onClick={() => setHelp(true)}>
              {t("inbox.keys")} <kbd className="rounded border border-line px-1 font-mono text-sm">?</kbd>
            </Button>
            <MarkAllRead onDone={focusContent} />
          </>
        }
      />
      <div ref={filter} className="mb-3">
        <Choice
          label={t("inbox.filter")}
          value={show}
          options={[
            { value: "all", text: t("inbox.all") },
            { value: "unread", text: t("inbox.unread") },
          ]}
          onChange={(value) => open(value)}
        />
      </div>
      <Surface>
        <Loaded
          query={inbox}
          loading={<Skeleton rows={5} className="h-20" />}
          isEmpty={(data) => shown(data).total === 0}
          empty={() =>
            show === "unread" ? (
              <EmptyState icon="check" title={t("inbox.emptyUnread")} text={t("inbox.emptyUnreadHint")}>
                <Link to="/inbox" className={buttonStyle()}>
                  {t("inbox.showAll")}
                </Link>
              </EmptyState>
            ) : (
              <EmptyState icon="inbox" title={t("inbox.empty")} text={t("inbox.emptyHint")}>
                <Link to="/" className={buttonStyle("primary")}>
                  {t("inbox.emptyAction")}
                </Link>
              </EmptyState>
            )
          }
        >
          {(data) => {
            const { notifications, total } = shown(data);
            const last = Math.ceil(total / PAGE_SIZE);
            return (
              <>
                {/* A page beyond the last, as when its rows were read or deleted, leads to the last. */}
                {notifications.length === 0 && page > last && <Redirect to={addressOf(show, last)} />}
                {notifications.length === 0 && page <= last && <p className="px-5 py-8 text-center text-muted">{t("inbox.pageDone")}</p>}
                {notifications.length > 0 && (
                  <InboxList
                    key={addressOf(show, page)}
                    notifications={notifications}
                    shown={(card) => after(steps, card, false)}
                    keys={keys}
                    onRead={markRead}
                    onFollow={(row) => {
                      if (!row.isRead) markAsRead.mutate(row);
                    }}
                    onDelete={remove}
                  />
                )}
                <Pages page={page} size={PAGE_SIZE} total={total} onPage={(next) => open(show, next)} />
              </>
            );
          }}
        </Loaded>
      </Surface>
      {help && <KeysDialog on={keys} onSwitch={setKeys} onClose={() => setHelp(false)} />}
    </>
  );
}

function addressOf(show: "all" | "unread", page: number): string {
  return `/inbox?${new URLSearchParams({ ...(show === "all" ? {} : { show }), ...(page === 1 ? {} : { page: String(page) }) }).toString()}`.replace(/\?$/, "");
}
