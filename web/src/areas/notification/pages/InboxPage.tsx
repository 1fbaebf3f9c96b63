import { Link, useNavigate, useRouter, useSearch } from "@tanstack/react-router";
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
import { InboxSearch } from "../components/InboxSearch";
import { KeysDialog } from "../components/KeysDialog";
import { MarkAllRead } from "../components/MarkAllRead";
import { searchable } from "../inbox-search";
import { PAGE_SIZE, useInbox, useMarkAsRead, type Inbox, type View } from "../queries";
import { after } from "../undo-line";
import { useKeyChoice } from "../use-key-choice";
import { useUndo } from "../use-undo";

export function InboxPage() {
  const { page = 1, show = "all", find: given = "" } = useSearch({ from: "/shell/inbox" });
  const find = searchable(given);
  const view: View = { unreadOnly: show === "unread", ...(find === "" ? {} : { search: find }) };
  const navigate = useNavigate();
  const router = useRouter();
  const inbox = useInbox(page, view);
  const markAsRead = useMarkAsRead();
  const { steps, markRead, remove, undo } = useUndo();
  const [keys, setKeys] = useKeyChoice();
  const [help, setHelp] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  const results = useRef<HTMLDivElement>(null);

  // Another filter is another list, so it begins at its first page; what is the default is left out of the address.
  const searchOf = (next: { show?: typeof show; find?: string; page?: number }) => {
    const to = { show, find, page: 1, ...next };
    return { ...(to.show === "all" ? {} : { show: to.show }), ...(to.find === "" ? {} : { find: to.find }), ...(to.page === 1 ? {} : { page: to.page }) };
  };
  const open = (next: Parameters<typeof searchOf>[0]) => void navigate({ to: "/inbox", search: searchOf(next) });
  // A search is one step on the way back, however often it was refined.
  const openSearch = (wanted: string) => void navigate({ to: "/inbox", search: searchOf({ find: wanted }), replace: find !== "" && wanted !== "", resetScroll: false });
  const shown = (data: Inbox) => after(steps, data, view);
  const found = inbox.data === undefined || inbox.isPlaceholderData ? undefined : shown(inbox.data).total;

  const startSearch = () => {
    search.current?.focus();
    search.current?.select();
  };

  useKeys(keys ? { "?": () => setHelp(true), u: undo, "/": startSearch } : {});

  return (
    <>
      <PageHeader
        title={t("inbox.title")}
        actions={
          <>
            <Button tone="quiet" aria-keyshortcuts="?" onClick={() => setHelp(true)}>
              {t("inbox.keys")} <kbd className="rounded border border-line px-1 font-mono text-sm">?</kbd>
            </Button>
            {/* It would be taken for what was found. */}
            {find === "" && <MarkAllRead onDone={() => focusContent()} />}
          </>
        }
      />
      <div className="mb-3 flex flex-wrap items-center gap-x-3 gap-y-2">
        <Choice
          label={t("inbox.filter")}
          value={show}
          options={[
            { value: "all", text: t("inbox.all") },
            { value: "unread", text: t("inbox.unread") },
          ]}
          onChange={(value) => open({ show: value })}
        />
        <InboxSearch ref={search} find={find} onFind={openSearch} onLeave={() => results.current?.focus({ preventScroll: true })} />
        <p role="status" className={find === "" ? "sr-only" : "text-sm text-muted"}>
          {find !== "" && !inbox.isError && (found === undefined ? t("inbox.searching") : t("inbox.found", { count: found }))}
        </p>
      </div>
      <Surface ref={results} tabIndex={-1} className="focus:outline-none">
        <Loaded
          query={inbox}
          loading={<Skeleton rows={5} className="h-20" />}
          isEmpty={(data) => shown(data).total === 0}
          empty={() =>
            inbox.isPlaceholderData ? (
              <Skeleton rows={5} className="h-20" />
            ) : find !== "" ? (
              <EmptyState icon="search" title={t(show === "unread" ? "inbox.noneFoundUnread" : "inbox.noneFound", { find })} text={t("inbox.noneFoundHint")}>
                {show === "unread" && <Button onClick={() => open({ show: "all" })}>{t("inbox.searchAll")}</Button>}
                <Button
                  onClick={() => {
                    openSearch("");
                    startSearch();
                  }}
                >
                  {t("search.clear")}
                </Button>
              </EmptyState>
            ) : show === "unread" ? (
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
                {notifications.length === 0 && page > last && <Redirect to={router.buildLocation({ to: "/inbox", search: searchOf({ page: last }) }).href} />}
                {notifications.length === 0 && page <= last && <p className="px-5 py-8 text-center text-muted">{t("inbox.pageDone")}</p>}
                {notifications.length > 0 && (
                  <InboxList
                    key={JSON.stringify([show, find, page])}
                    notifications={notifications}
                    shown={(card) => after(steps, card)}
                    keys={keys}
                    onRead={markRead}
                    onFollow={(row) => {
                      if (!row.isRead) markAsRead.mutate(row);
                    }}
                    onDelete={remove}
                  />
                )}
                <Pages page={page} size={PAGE_SIZE} total={total} onPage={(next) => open({ page: next })} />
              </>
            );
          }}
        </Loaded>
      </Surface>
      {help && <KeysDialog on={keys} onSwitch={setKeys} onClose={() => setHelp(false)} />}
    </>
  );
}
