import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Inbox, Notification } from "./queries";
import { after, readsOf, UndoLine, type Step } from "./undo-line";

const row = (id: string, isRead = false): Notification => ({ id, userId: "u", title: id, body: "", importance: "info", isRead, createdAt: new Date(0) });
const step = (kind: Step["kind"], ...ids: string[]): Step => ({ kind, rows: ids.map((id) => row(id)) });
const WINDOW_MS = 1_000;

describe("the line of steps that can be undone", () => {
  let sent: Step[] = [];
  let answer: (() => void)[] = [];
  const send = (each: Step) => {
    sent.push(each);
    return new Promise<void>((resolve) => answer.push(resolve));
  };
  const line = () => new UndoLine({ send, windowMs: WINDOW_MS });
  const nothing = () => undefined;

  beforeEach(() => {
    vi.useFakeTimers();
    sent = [];
    answer = [];
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("sends a step when its time is over, and shows it until the answer is there", async () => {
    const steps = line();
    const left = vi.fn();
    const one = step("read", "a");
    steps.add(one, left);
    vi.advanceTimersByTime(WINDOW_MS - 1);
    expect([sent, left.mock.calls.length]).toEqual([[], 0]);
    vi.advanceTimersByTime(1);
    expect([sent, left.mock.calls.length]).toEqual([[one], 1]);
    expect(steps.steps()).toEqual([one]);
    expect(steps.undo()).toBeUndefined();
    answer[0]?.();
    await vi.waitFor(() => expect(steps.steps()).toEqual([]));
  });

  it("never sends what was undone", () => {
    const steps = line();
    const [one, two] = [step("read", "a"), step("delete", "b")];
    steps.add(one, nothing);
    steps.add(two, nothing);
    expect(steps.undo()).toBe(two);
    expect(steps.undo(one)).toBe(one);
    expect(steps.undo(one)).toBeUndefined();
    vi.advanceTimersByTime(2 * WINDOW_MS);
    expect(sent).toEqual([]);
  });

  it("sends all of it at once when it is flushed, each once", async () => {
    const steps = line();
    steps.add(step("read", "a"), nothing);
    steps.add(step("delete", "b"), nothing);
    const flushed = vi.fn();
    void steps.flush().then(flushed);
    void steps.flush();
    vi.advanceTimersByTime(2 * WINDOW_MS);
    expect(sent).toHaveLength(2);
    answer[0]?.();
    await Promise.resolve();
    expect(flushed).not.toHaveBeenCalled();
    answer[1]?.();
    await vi.waitFor(() => expect(flushed).toHaveBeenCalled());
  });
});

describe("the inbox after steps", () => {
  const inbox: Inbox = { notifications: [row("a"), row("b", true), row("c")], total: 30, limit: 20, offset: 0 };
  const ids = ({ notifications, total }: Inbox) => [notifications.map(({ id, isRead }) => (isRead ? id.toUpperCase() : id)).join(""), total];

  it("shows what was read, and without what was deleted", () => {
    expect(ids(after([], inbox))).toEqual(["aBc", 30]);
    expect(ids(after([step("read", "a")], inbox))).toEqual(["ABc", 30]);
    expect(ids(after([step("delete", "a", "c")], inbox))).toEqual(["B", 28]);
  });

  it("leaves what was read out of the unread ones", () => {
    const unread: Inbox = { ...inbox, notifications: [row("a"), row("c")], total: 10 };
    expect(ids(after([step("read", "a")], unread, { unreadOnly: true }))).toEqual(["c", 9]);
    // A row that was read before it was deleted is none of them.
    expect(ids(after([{ kind: "delete", rows: [row("b", true)] }], unread, { unreadOnly: true }))).toEqual(["ac", 10]);
  });

  it("counts of what was searched for what was found, on this page or by its words", () => {
    const found: Inbox = { ...inbox, notifications: [row("a")], total: 21 };
    const other = (title: string, body = ""): Step => ({ kind: "delete", rows: [{ ...row(title), body }] });
    expect(ids(after([step("delete", "a", "c")], found, { search: "disk" }))).toEqual(["", 20]);
    expect(ids(after([other("Disk full"), other("Shop", "its DISK is full"), other("Shop")], found, { search: "disk" }))).toEqual(["a", 19]);
  });

  it("counts a row once that was read, then deleted, and one of another page too", () => {
    const steps: Step[] = [step("read", "a"), { kind: "delete", rows: [row("a", true), row("z")] }];
    expect(ids(after(steps, inbox))).toEqual(["Bc", 28]);
    expect([...readsOf(steps)]).toEqual(["a", "z"]);
  });
});
