import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { t } from "@/lib/i18n/t";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { Choice } from "@/ui/Choice";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { EmptyState } from "@/ui/EmptyState";
import { errorText } from "@/ui/error-text";
import { focusContent } from "@/ui/focus-content";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Pages } from "@/ui/Pages";
import { Redirect } from "@/ui/Redirect";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { InboxRow } from "../components/InboxRow";
import { PAGE_SIZE, useDeleteNotification, useInbox, useMarkAsRead, useUnreadCount, type Notification } from "../queries";

export function InboxPage() {
  const { page = 1, show = "all" } = useSearch({ from: "/shell/inbox" });
  const navigate = useNavigate();
  const inbox = useInbox(page, show === "unread");
  const unread = useUnreadCount();
  const markAsRead = useMarkAsRead();
  const remove = useDeleteNotification();
  const kept = useKeptFocus<HTMLUListElement>();
  const [deleting, setDeleting] = useState<Notification>();

  // Another filter is another list, so it begins at its first page; what is the default is left out of the address.
  const open = (filter: typeof show, next = 1) => void navigate({ to: "/inbox", search: { ...(filter === "all" ? {} : { show: filter }), ...(next === 1 ? {} : { page: next }) } });

  const markAll = () => {
    markAsRead.mutate(undefined);
    // The button goes with the last unread one.
    focusContent();
  };

  return (
    <>
      <PageHeader title={t("inbox.title")} actions={unread > 0 && <Button onClick={markAll}>{t("inbox.markAll")}</Button>} />
      <div className="mb-3">
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
          isEmpty={(data) => data.total === 0}
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
          {(data) => (
            <>
              {/* A page beyond the last, as when its rows were read or deleted, leads to the last. */}
              {data.notifications.length === 0 && <Redirect to={addressOf(show, Math.ceil(data.total / PAGE_SIZE))} />}
              <ul {...kept} className="divide-y divide-line">
                {data.notifications.map((notification) => (
                  <InboxRow
                    key={notification.id}
                    notification={notification}
                    onRead={() => markAsRead.mutate(notification)}
                    onDelete={() => {
                      remove.reset();
                      setDeleting(notification);
                    }}
                  />
                ))}
              </ul>
              <Pages page={page} size={PAGE_SIZE} total={data.total} onPage={(next) => open(show, next)} />
            </>
          )}
        </Loaded>
      </Surface>
      {deleting && (
        <ConfirmDialog
          title={t("inbox.deleteTitle")}
          text={deleting.title}
          confirm={t("inbox.deleteConfirm")}
          busy={remove.isPending}
          error={remove.isError ? errorText(remove.error) : undefined}
          onConfirm={() =>
            remove.mutate(deleting, {
              onSuccess: () => setDeleting(undefined),
            })
          }
          onClose={() => setDeleting(undefined)}
        />
      )}
    </>
  );
}

function addressOf(show: "all" | "unread", page: number): string {
  return `/inbox?${new URLSearchParams({ ...(show === "all" ? {} : { show }), ...(page === 1 ? {} : { page: String(page) }) }).toString()}`.replace(/\?$/, "");
}
