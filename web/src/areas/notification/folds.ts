import type { Notification } from "./queries";

/** What was told of one thing, as one card: the newest row, and those before it. */
export interface Fold {
  key: string;
  newest: Notification;
  older: readonly Notification[];
}

/** Folds rows, newest first, that share a collapse key; one without stands alone. Cards keep the order in which their first rows appear. */
export function foldsOf(rows: readonly Notification[]): Fold[] {
  const folds = new Map<string, Notification[]>();
  for (const row of rows) {
    // A sender may choose any key, one that looks like an id of a row too.
    const key = row.collapseKey === undefined ? row.id : `key ${row.collapseKey}`;
    folds.set(key, [...(folds.get(key) ?? []), row]);
  }
  return [...folds].flatMap(([key, [newest, ...older]]) => (newest === undefined ? [] : [{ key, newest, older }]));
}

export const rowsOf = ({ newest, older }: Fold): readonly Notification[] => [newest, ...older];
