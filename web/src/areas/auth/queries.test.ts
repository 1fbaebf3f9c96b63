import { describe, expect, it } from "vitest";
import { holds } from "./queries";

describe("holds", () => {
  it("takes * for every rule", () => expect(holds(["*"], "catalog.system.manage")).toBe(true));
  it("takes managing for reading, not the other way round", () => {
    expect(holds(["catalog.system.manage"], "catalog.system.read")).toBe(true);
    expect(holds(["catalog.system.read"], "catalog.system.manage")).toBe(false);
  });
  it("matches whole rules only", () => expect(holds(["catalog.system.read.more"], "catalog.system.read")).toBe(false));
});
