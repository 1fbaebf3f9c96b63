import { describe, expect, it } from "vitest";
import { t } from "./later";

describe("t", () => {
  it("fills places", () => expect(t("common.page", { from: 1, to: 20, total: 45 })).toBe("1–20 of 45"));
  it("chooses the plural form", () => {
    expect(t("system.every", { count: 1 })).toBe("every second");
    expect(t("system.every", { count: 60 })).toBe("every 60 seconds");
  });
  it("does not fill what only looks like a place in a value", () => expect(t("systemForm.added", { system: "{system}" })).toBe("{system} is being watched."));
});
