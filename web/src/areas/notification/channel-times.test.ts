import { describe, expect, it } from "vitest";
import { heldBy } from "./channel-times";
import type { Channel } from "./queries";

const channel = (times: Partial<Channel>): Channel => ({
  strategyId: "notification-webhook.webhook",
  displayName: "Webhook",
  contactResolution: { type: "user-config" },
  enabled: true,
  isConfigured: true,
  digestMinutes: 0,
  ...times,
});
const at = (clock: string) => new Date(`2026-03-01T${clock}:00Z`);

describe("what holds a message back", () => {
  it("are quiet hours by the clock of their zone, over midnight too", () => {
    const night = channel({ quietHours: { from: "22:00", to: "07:00", timeZone: "Asia/Kathmandu" } }); // 5:45 ahead
    const held = (each: Channel, clock: string) => heldBy(each, at(clock)) !== undefined;
    expect(["16:14", "16:15", "18:15", "01:14", "01:15"].map((clock) => held(night, clock))).toEqual([false, true, true, true, false]);
    expect(heldBy(night, at("18:15"))).toBe("Quiet until 07:00 (Asia/Kathmandu)");
    const noon = channel({ quietHours: { from: "12:00", to: "13:00", timeZone: "UTC" } });
    expect(["11:59", "12:00", "12:59", "13:00", "00:00"].map((clock) => held(noon, clock))).toEqual([false, true, true, false, false]);
    expect(held(channel({ quietHours: { from: "00:00", to: "23:59", timeZone: "Europe/Atlantis" } }), "12:00")).toBe(false);
  });

  it("is a digest when it is not quiet", () => {
    expect(heldBy(channel({}), at("12:00"))).toBeUndefined();
    expect(heldBy(channel({ digestMinutes: 15 }), at("12:00"))).toBe("Collected, every 15 minutes");
    expect(heldBy(channel({ digestMinutes: 15, quietHours: { from: "11:00", to: "13:00", timeZone: "UTC" } }), at("12:00"))).toBe("Quiet until 13:00 (UTC)");
  });
});
