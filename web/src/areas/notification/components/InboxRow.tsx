import { useId } from "react";
import { t } from "@/lib/i18n/later";
import { plainText } from "@/lib/plain-text";
import { classes } from "@/ui/classes";
import { IconButton } from "@/ui/IconButton";
import { Markdown } from "@/ui/Markdown";
import { RelativeTime } from "@/ui/RelativeTime";
import { SmartLink } from "@/ui/SmartLink";
import type { Delivery } from "../deliveries";
import { rowsOf, type Fold } from "../folds";
import { useCardRows, type Inbox, type Notification } from "../queries";
import { DeliveryDetails } from "./DeliveryDetails";
import { DeliveryLine } from "./DeliveryLine";
import { ImportanceMark } from "./ImportanceMark";
import { SubjectList } from "./SubjectList";

/** A longer text, or one of more lines, is shown in form once its row is opened. */
const SHORT = { letters: 280, lines: 6 };

interface InboxRowProps {
  fold: Fold;
  /** Of all its rows; undefined while they are not known. */
  deliveries: readonly Delivery[] | undefined;
  /** They could not be fetched. */
  deliveriesLost: boolean;
  /** Rows as the page shows them, while the server has not been told of what was done to them. */
  shown: (inbox: Inbox) => Inbox;
  open: boolean;
  selected: boolean;
  onOpen: () => void;
  onSelect: () => void;
  onRead: () => void;
  /** Its link was followed. */
  onFollow: () => void;
  onDelete: () => void;
}

/**
 * One card of the inbox. Its title opens it, and is where the keys of the page lead. What is done to it is done to all its rows on this
 * page; opened, it shows those of other pages too.
 */
export function InboxRow({ fold, deliveries, deliveriesLost, shown, open, selected, onOpen, onSelect, onRead, onFollow, onDelete }: InboxRowProps) {
  const { newest, older } = fold;
  const { title, body, importance, action, subjects = [], createdAt } = newest;
  const isRead = rowsOf(fold).every((row) => row.isRead);
  const id = useId();
  const short = body.length <= SHORT.letters && body.split("\n").length <= SHORT.lines;
  const ofRow = (row: Notification) => deliveries?.filter((each) => each.notificationId === row.id);
  return (
    <li data-testid="inbox-row" className="flex items-start gap-3 py-3.5 pr-3 pl-4 has-focus-visible:bg-hover">
      <label className="-mx-1 flex size-6 shrink-0 items-center justify-center">
        <input type="checkbox" aria-label={t("inbox.select", { title })} aria-keyshortcuts="x" checked={selected} onChange={onSelect} className="size-4 accent-accent" />
      </label>
      <div className="min-w-0 flex-1">
        <div className="flex items-start gap-2">
          {!isRead && <Unread />}
          <h2 className="min-w-0">
            <button
              type="button"
              data-control="title"
              aria-expanded={open}
              aria-controls={id}
              onClick={onOpen}
              className={classes("rounded text-left text-base wrap-anywhere hover:underline", isRead ? "font-normal" : "font-semibold")}
            >
              {title}
            </button>
          </h2>
          {older.length > 0 && (
            <button
              type="button"
              aria-expanded={open}
              aria-controls={id}
              aria-label={t("inbox.earlier", { count: older.length })}
              title={t("inbox.earlier", { count: older.length })}
              onClick={onOpen}
              className="mt-px min-h-6 min-w-6 shrink-0 rounded-full bg-hover px-2 text-sm text-muted tabular-nums hover:text-text"
            >
              +{older.length}
            </button>
          )}
        </div>
        {body !== "" && <div className="mt-0.5 text-muted">{open || short ? <Markdown text={body} /> : <p className="line-clamp-2">{plainText(body)}</p>}</div>}
        {subjects.length > 0 && <SubjectList subjects={subjects} all={open} />}
        <div className="mt-1.5 flex flex-wrap items-center gap-x-4 gap-y-1 text-sm text-muted">
          <ImportanceMark importance={importance} />
          <RelativeTime at={createdAt} />
          {action && (
            <SmartLink href={action.url} onFollow={onFollow} className="font-medium text-accent-text hover:underline">
              {action.label}
            </SmartLink>
          )}
          {!open && <DeliveryLine deliveries={ofRow(newest) ?? []} />}
        </div>
        <div id={id}>
          {open && (
            <div className="mt-3 flex flex-col gap-3 border-t border-line pt-3">
              {deliveries === undefined && deliveriesLost && <p className="text-sm text-muted">{t("delivery.lost")}</p>}
              {deliveries !== undefined && <DeliveryDetails notification={newest} deliveries={ofRow(newest) ?? []} />}
              <Timeline fold={fold} shown={shown} deliveriesOf={(row) => ofRow(row) ?? []} />
            </div>
          )}
        </div>
      </div>
      <div className="-my-1.5 flex shrink-0 gap-0.5 max-sm:flex-col">
        {!isRead && <IconButton icon="check" label={t("inbox.markRead")} aria-keyshortcuts="e" onClick={onRead} />}
        <IconButton icon="trash" label={t("inbox.delete")} aria-keyshortcuts="#" onClick={onDelete} />
      </div>
    </li>
  );
}

function Unread() {
  return (
    <span className="mt-2 size-2 shrink-0 rounded-full bg-accent">
      <span className="sr-only">{t("inbox.isUnread")}</span>
    </span>
  );
}

interface TimelineProps extends Pick<InboxRowProps, "fold" | "shown"> {
  deliveriesOf: (row: Notification) => readonly Delivery[];
}

/** What was told of the same thing before: what is on this page at once, the rest as soon as it is fetched. */
function Timeline({ fold: { newest, older }, shown, deliveriesOf }: TimelineProps) {
  const card = useCardRows(newest.collapseKey);
  const rows = card.data === undefined ? older : shown(card.data).notifications.filter(({ id }) => id !== newest.id);
  if (rows.length === 0) return null;
  return (
    <ol aria-label={t("inbox.earlier", { count: rows.length })} className="flex flex-col gap-3 border-l-2 border-line pl-4">
      {rows.map((row) => (
        <Earlier key={row.id} row={row} deliveries={deliveriesOf(row)} />
      ))}
    </ol>
  );
}

/** An earlier row of a card. */
function Earlier({ row, deliveries }: { row: Notification; deliveries: readonly Delivery[] }) {
  const { title, body, importance, isRead, subjects = [], createdAt } = row;
  return (
    <li data-testid="earlier-row">
      <div className="flex items-start gap-2">
        {!isRead && <Unread />}
        <h3 className="min-w-0 text-base font-normal wrap-anywhere">{title}</h3>
      </div>
      {body !== "" && <p className="line-clamp-2 text-sm text-muted">{plainText(body)}</p>}
      {subjects.length > 0 && <SubjectList subjects={subjects} all />}
      <div className="mt-0.5 flex flex-wrap items-center gap-x-4 gap-y-1 text-sm text-muted">
        <ImportanceMark importance={importance} />
        <RelativeTime at={createdAt} />
        <DeliveryLine deliveries={deliveries} />
      </div>
    </li>
  );
}
