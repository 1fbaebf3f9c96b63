import { describe, expect, it } from "vitest";
import { foldsOf } from "./folds";
import type { Notification } from "./queries";

const row = (id: string, collapseKey?: string): Notification => ({
  id,
  userId: "u",
  title: id,
  body: "",
  importance: "info",
  isRead: false,
  createdAt: new Date(0),
  ...(collapseKey === undefined ? {} : { collapseKey }),
});
const told = (rows: Notification[]) => foldsOf(rows).map(({ newest, older }) => [newest.id, ...older.map(({ id }) => id)].join("<"));

describe("folding", () => {
  it("puts rows of one key into a card at the place of the newest, and leaves others alone", () => {
    expect(told([])).toEqual([]);
    expect(told([row("f"), row("e", "k1"), row("d", "k2"), row("c", "k1"), row("b"), row("a", "k1")])).toEqual(["f", "e<c<a", "d", "b"]);
  });

  it("takes no key for the id of a row", () => {
    expect(told([row("b", "a"), row("a")])).toEqual(["b", "a"]);
  });
});
