import { describe, expect, it } from "vitest";
import { badgeCount, exactTime, latency, relativeTime, sinceTime } from "./format";

const now = new Date("2026-03-10T12:00:00Z");
const ago = (seconds: number) => relativeTime(new Date(now.getTime() - seconds * 1000), now);
const since = (seconds: number) => sinceTime(new Date(now.getTime() - seconds * 1000), now);

describe("format", () => {
  it("tells how long ago, coarser with distance", () => {
    expect([ago(-30), ago(0), ago(9), ago(10), ago(59)]).toEqual(["now", "now", "now", "10 sec. ago", "50 sec. ago"]);
    expect([ago(60), ago(3599)]).toEqual(["1 min. ago", "59 min. ago"]);
    expect([ago(3600), ago(86_399)]).toEqual(["1 hr. ago", "23 hr. ago"]);
    expect([ago(86_400), ago(3 * 86_400)]).toEqual(["yesterday", "3 days ago"]);
    expect(ago(8 * 86_400)).toBe("Mar 2, 2026");
  });

  it("tells how long something has lasted", () => {
    expect([since(-30), since(0), since(9)]).toEqual(["just now", "just now", "just now"]);
    expect([since(25), since(60), since(2 * 3600), since(86_400), since(3 * 86_400)]).toEqual(["for 20 sec", "for 1 min", "for 2 hr", "for 1 day", "for 3 days"]);
    expect(since(8 * 86_400)).toBe("since Mar 2, 2026");
  });

  it("names the instant exactly", () => expect(exactTime(now)).toMatch(/2026.*\d\d?:\d\d:\d\d/));

  it("writes latencies in a fitting unit", () => expect([latency(0.4), latency(1.5), latency(84.2), latency(999), latency(1250)]).toEqual(["0.4 ms", "1.5 ms", "84 ms", "999 ms", "1.3 s"]));

  it("stops counting at 99", () => expect([badgeCount(1), badgeCount(99), badgeCount(100)]).toEqual(["1", "99", "99+"]));
});
