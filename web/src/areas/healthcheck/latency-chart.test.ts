import { describe, expect, it } from "vitest";
import { latencyChart } from "./latency-chart";
import type { Run } from "./queries";

/** One run a minute, oldest first: a digit is its latency in tenths of a second, x a failure without one, space a run that never was. */
function runs(line: string): Run[] {
  return Array.from(line).flatMap((sign, minute) =>
    sign === " "
      ? []
      : {
          id: String(minute),
          configurationId: "c",
          systemId: "s",
          status: sign === "x" ? ("unhealthy" as const) : ("healthy" as const),
          timestamp: new Date(minute * 60_000),
          ...(sign === "x" ? {} : { latencyMs: Number(sign) * 100 }),
        },
  );
}

const shape = (line: string) => latencyChart(runs(line).reverse())?.lines.map((points) => points.length);

describe("latencyChart", () => {
  it("draws one line through an unbroken stretch", () => {
    const chart = latencyChart(runs("124"));
    expect(chart?.lines).toEqual([
      [
        { x: 0, y: 0.75 },
        { x: 0.5, y: 0.5 },
        { x: 1, y: 0 },
      ],
    ]);
    expect(chart).toMatchObject({ minMs: 100, maxMs: 400, runs: 3, failures: [] });
  });

  it("breaks the line where a run had no latency", () => expect(shape("11x11")).toEqual([2, 2]));
  it("breaks the line where nobody measured", () => expect(shape("111    111")).toEqual([3, 3]));
  it("keeps a lone run", () => expect(shape("11x1x11")).toEqual([2, 1, 2]));
  it("marks failures where they were", () => expect(latencyChart(runs("1x1"))?.failures).toEqual([0.5]));
  it("draws nothing from less than two latencies", () => expect([shape(""), shape("1"), shape("1xx")]).toEqual([undefined, undefined, undefined]));
});
