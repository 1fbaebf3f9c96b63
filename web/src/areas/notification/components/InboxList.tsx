import { useRef, useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { useKeys } from "@/ui/use-keys";
import { useDeliveries } from "../deliveries";
import { foldsOf, rowsOf, type Fold } from "../folds";
import type { Inbox, Notification } from "../queries";
import { InboxRow } from "./InboxRow";

interface InboxListProps {
  notifications: readonly Notification[];
  /** Other rows as the page shows them, while the server has not been told of what was done to them. */
  shown: (inbox: Inbox) => Inbox;
  /** Whether single keys act on the list. */
  keys: boolean;
  onRead: (rows: readonly Notification[]) => void;
  onFollow: (row: Notification) => void;
  onDelete: (rows: readonly Notification[]) => void;
}

/** The rows of one page as cards, to be walked, opened, chosen and dealt with, by hand or by keys. */
export function InboxList({ notifications, shown, keys, onRead, onFollow, onDelete }: InboxListProps) {
  const folds = foldsOf(notifications);
  const deliveries = useDeliveries(notifications.map(({ id }) => id));
  const kept = useKeptFocus<HTMLUListElement>();
  const all = useRef<HTMLInputElement>(null);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  // What is no longer in sight is not dealt with.
  const selected = folds.filter(({ key }) => chosen.has(key));

  const rows = () => Array.from(kept.ref.current?.children ?? []);
  /** Where the focus is; -1 outside the list. */
  const here = () => rows().findIndex((row) => row.contains(document.activeElement));
  const walk = (by: 1 | -1) => {
    const at = here();
    const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), folds.length - 1);
    rows()[next]?.querySelector<HTMLElement>("[data-control=title]")?.focus();
  };
  const current = () => folds[here()];
  /** What is chosen, else the card that has the focus. */
  const meant = (): readonly Fold[] => (selected.length > 0 ? selected : [current()].filter((fold) => fold !== undefined));
  const deal = (how: (rows: readonly Notification[]) => void) => {
    how(meant().flatMap(rowsOf));
    setChosen(new Set());
  };

  useKeys(
    keys
      ? {
          j: () => walk(1),
          k: () => walk(-1),
          x: () => {
            const fold = current();
            if (fold) setChosen(toggled(chosen, fold.key));
          },
          e: () => deal(onRead),
          "#": () => deal(onDelete),
        }
      : {},
    { repeating: "jk" },
  );

  const dealByHand = (how: (rows: readonly Notification[]) => void) => {
    deal(how);
    // The buttons go with the choice.
    all.current?.focus();
  };

  return (
    <>
      <div className="flex min-h-12 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line py-1.5 pr-3 pl-4">
        <label className="-ml-1 flex min-h-6 items-center gap-3 text-sm text-muted">
          <span className="flex size-6 items-center justify-center">
            <input
              ref={all}
              type="checkbox"
              aria-label={t("inbox.selectAll")}
              checked={selected.length > 0 && selected.length === folds.length}
              onChange={(event) => setChosen(new Set(event.target.checked ? folds.map(({ key }) => key) : []))}
              className="size-4 accent-accent"
            />
          </span>
          <span role="status">{selected.length > 0 ? t("inbox.selected", { count: selected.length }) : t("inbox.selectAll")}</span>
        </label>
        {selected.length > 0 && (
          <span className="flex flex-wrap gap-2">
            <Button small onClick={() => dealByHand(onRead)}>
              {t("inbox.readSelected")}
            </Button>
            <Button small tone="danger" onClick={() => dealByHand(onDelete)}>
              {t("inbox.deleteSelected")}
            </Button>
          </span>
        )}
      </div>
      <ul {...kept} aria-label={t("inbox.title")} className="divide-y divide-line">
        {folds.map((fold) => {
          const { key, newest } = fold;
          return (
            <InboxRow
              key={key}
              fold={fold}
              deliveries={deliveries.data?.deliveries}
              deliveriesLost={deliveries.isError}
              shown={shown}
              open={opened.has(key)}
              selected={chosen.has(key)}
              onOpen={() => setOpened(toggled(opened, key))}
              onSelect={() => setChosen(toggled(chosen, key))}
              onRead={() => onRead(rowsOf(fold))}
              onFollow={() => onFollow(newest)}
              onDelete={() => onDelete(rowsOf(fold))}
            />
          );
        })}
      </ul>
    </>
  );
}

function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}
