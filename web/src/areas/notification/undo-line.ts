import { holds } from "./inbox-search";
import type { Inbox, Notification, View } from "./queries";

/** Something done to rows of the inbox, as they stood when it was done. */
export interface Step {
  kind: "read" | "delete";
  rows: readonly Notification[];
  /** They were all that was unread. */
  all?: boolean;
}

interface Waiting {
  step: Step;
  timer: ReturnType<typeof setTimeout>;
  /** Called once it can no longer be undone. */
  leave: () => void;
}

interface UndoLineOptions {
  /** Tells the server; ends when what it answered is shown. Never fails. */
  send: (step: Step) => Promise<void>;
  /** Called with all steps the server does not know of, oldest first. */
  changed?: (steps: readonly Step[]) => void;
  /** How long a step waits to be undone. */
  windowMs: number;
}

/**
 * Steps that are shown at once and told to the server when their time to be undone is over, so that an undo has nothing to bring back.
 * Whoever holds one flushes it when the page goes: what waits is sent then, not lost.
 */
export class UndoLine {
  private readonly waiting: Waiting[] = [];
  private sending: readonly Step[] = [];
  private all: readonly Step[] = [];
  private readonly watchers = new Set<() => void>();
  private readonly options: UndoLineOptions;

  constructor(options: UndoLineOptions) {
    this.options = options;
  }

  /** What the server does not know of, oldest first; the same list until it changes. */
  readonly steps = (): readonly Step[] => this.all;

  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  add(step: Step, leave: () => void): void {
    const entry: Waiting = { step, leave, timer: setTimeout(() => void this.send(entry), this.options.windowMs) };
    this.waiting.push(entry);
    this.tell();
  }

  /** Takes a step back, the last one unless told which; the step, or nothing when it is too late. */
  undo(step?: Step): Step | undefined {
    const entry = step === undefined ? this.waiting.at(-1) : this.waiting.find((each) => each.step === step);
    if (entry) {
      this.leave(entry);
      this.tell();
    }
    return entry?.step;
  }

  /** Sends what waits; ends when all of it is answered. */
  readonly flush = async (): Promise<void> => {
    await Promise.all([...this.waiting].map((entry) => this.send(entry)));
  };

  private async send(entry: Waiting): Promise<void> {
    this.leave(entry);
    this.sending = [...this.sending, entry.step];
    this.tell();
    await this.options.send(entry.step);
    this.sending = this.sending.filter((each) => each !== entry.step);
    this.tell();
  }

  private leave(entry: Waiting): void {
    clearTimeout(entry.timer);
    this.waiting.splice(this.waiting.indexOf(entry), 1);
    entry.leave();
  }

  private tell(): void {
    this.all = [...this.sending, ...this.waiting.map((each) => each.step)];
    this.options.changed?.(this.all);
    for (const each of this.watchers) each();
  }
}

/** The rows of these steps, each once, as the server has them. */
function rowsOf(steps: readonly Step[]): Map<string, Notification> {
  const rows = new Map<string, Notification>();
  for (const { rows: some } of steps) for (const row of some) if (!rows.has(row.id)) rows.set(row.id, row);
  return rows;
}

/** The unread rows among those of these steps: none of them is one any more. */
export function readsOf(steps: readonly Step[]): ReadonlySet<string> {
  return new Set([...rowsOf(steps).values()].flatMap((row) => (row.isRead ? [] : [row.id])));
}

/** A page of the inbox as it is after these steps; rows that stood on other pages leave the total too. */
export function after(steps: readonly Step[], inbox: Inbox, { unreadOnly = false, search }: View = {}): Inbox {
  if (steps.length === 0) return inbox;
  const idsOf = (kind: Step["kind"]) => new Set(steps.flatMap((step) => (step.kind === kind ? step.rows.map(({ id }) => id) : [])));
  const read = idsOf("read");
  const deleted = idsOf("delete");
  const gone = ({ id }: Notification) => deleted.has(id) || (unreadOnly && read.has(id));
  const shown = new Set(inbox.notifications.map(({ id }) => id));
  const counted = (row: Notification) => !(unreadOnly && row.isRead) && (search === undefined || shown.has(row.id) || holds(row, search));
  const left = [...rowsOf(steps).values()].filter((row) => gone(row) && counted(row)).length;
  return {
    ...inbox,
    notifications: inbox.notifications.filter((row) => !gone(row)).map((row) => (read.has(row.id) ? { ...row, isRead: true } : row)),
    total: Math.max(0, inbox.total - left),
  };
}
