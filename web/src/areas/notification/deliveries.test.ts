import { describe, expect, it } from "vitest";
import { askAgainAfter, type Delivery } from "./deliveries";

const NOW = 1_000_000;
const delivery = (state: Delivery["state"], secondsAgo: number): Delivery => ({
  notificationId: "n",
  strategyId: "s",
  displayName: "S",
  state,
  attempts: 1,
  updatedAt: new Date(NOW - secondsAgo * 1_000),
});

describe("asking again how deliveries go on", () => {
  it("ends with them, is quick at first and slow while one waits for a later try", () => {
    expect(askAgainAfter([], NOW)).toBe(false);
    expect(askAgainAfter([delivery("delivered", 1), delivery("refused", 1), delivery("dead", 1)], NOW)).toBe(false);
    expect(askAgainAfter([delivery("delivered", 1), delivery("pending", 10)], NOW)).toBe(3_000);
    expect(askAgainAfter([delivery("pending", 10_000), delivery("pending", 61)], NOW)).toBe(30_000);
  });
});
