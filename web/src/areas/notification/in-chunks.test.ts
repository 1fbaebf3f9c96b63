import { describe, expect, it, vi } from "vitest";
import { AT_ONCE, inChunks } from "./in-chunks";

const numbers = Array.from({ length: 2 * AT_ONCE + 5 }, (_, at) => at);

/** A call that is answered when the test says so. */
function calls() {
  const made: { one: number; answer: () => void; refuse: (why: Error) => void }[] = [];
  const call = (one: number) => new Promise<void>((answer, refuse) => made.push({ one, answer, refuse }));
  return { made, call };
}

describe("calls in chunks", () => {
  it("are made a few at a time, and each is told what became of it", async () => {
    const { made, call } = calls();
    const told = inChunks(numbers, new AbortController().signal, call);
    expect(made).toHaveLength(AT_ONCE);
    made.slice(1, AT_ONCE).forEach(({ answer }) => answer());
    await Promise.resolve();
    expect(made).toHaveLength(AT_ONCE);
    made[0]?.refuse(new Error("no"));
    await vi.waitFor(() => expect(made).toHaveLength(2 * AT_ONCE));
    made.slice(AT_ONCE).forEach(({ answer }) => answer());
    await vi.waitFor(() => expect(made).toHaveLength(numbers.length));
    made.slice(2 * AT_ONCE).forEach(({ answer }) => answer());
    expect((await told).map(({ status }) => status)).toEqual(numbers.map((at) => (at === 0 ? "rejected" : "fulfilled")));
    expect(made.map(({ one }) => one)).toEqual(numbers);
  });

  it("are all made at once when there is no time, or no longer", async () => {
    const hurry = new AbortController();
    const late = calls();
    const told = inChunks(numbers, hurry.signal, late.call);
    expect(late.made).toHaveLength(AT_ONCE);
    hurry.abort();
    await vi.waitFor(() => expect(late.made).toHaveLength(numbers.length));
    late.made.forEach(({ answer }) => answer());
    expect(await told).toHaveLength(numbers.length);

    const early = calls();
    void inChunks(numbers, hurry.signal, early.call);
    expect(early.made).toHaveLength(numbers.length);
  });
});
