import { describe, expect, it } from "vitest";
import { checkOf, mistakes, newSystem, thresholdsOf, valuesOf, type SystemValues } from "./system-values";

const shop: SystemValues = { ...newSystem, name: " Shop ", url: " http://shop.test/health " };
const wrong = (change: Partial<SystemValues>) =>
  Object.entries(mistakes({ ...shop, ...change }))
    .filter(([, error]) => error !== undefined)
    .map(([name]) => name);

describe("system values", () => {
  it("finds what the server would refuse", () => {
    expect(wrong({})).toEqual([]);
    expect(wrong({ name: " ", url: "ftp://x" })).toEqual(["name", "url"]);
    expect(wrong({ url: "shop.test" })).toEqual(["url"]);
    for (const intervalSeconds of ["0", "1.5", "", "86401", "x"]) expect(wrong({ intervalSeconds })).toEqual(["intervalSeconds"]);
    expect(wrong({ intervalSeconds: "1" })).toEqual([]);
    expect(wrong({ expectedStatus: "99" })).toEqual(["expectedStatus"]);
    expect(wrong({ degradedAfter: "3", unhealthyAfter: "2" })).toEqual(["unhealthyAfter"]);
    expect(wrong({ degradedAfter: "2", unhealthyAfter: "2", healthyAfter: "0" })).toEqual(["healthyAfter"]);
  });

  it("describes the check and its thresholds", () => {
    expect(checkOf({ ...shop, expectedStatus: "204" })).toMatchObject({
      name: "Shop",
      strategyId: "healthcheck-http.http",
      intervalSeconds: 60,
      collectors: [{ collectorId: "healthcheck-http.request", config: { method: "GET", url: "http://shop.test/health" }, assertions: [{ field: "statusCode", operator: "equals", value: 204 }] }],
    });
    expect(checkOf(shop).collectors?.[0]?.assertions).toEqual([]);
    expect(checkOf(shop).collectors?.[0]?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(thresholdsOf(shop)).toEqual({ mode: "consecutive", healthy: { minSuccessCount: 1 }, degraded: { minFailureCount: 2 }, unhealthy: { minFailureCount: 5 } });
  });

  it("keeps of a stored check what the form does not show", () => {
    const known = {
      ...checkOf({ ...shop, expectedStatus: "204" }),
      id: "c1",
      name: "By hand",
      config: { timeout: 9 },
      paused: false,
      createdAt: new Date(),
      updatedAt: new Date(),
    };
    const collector = known.collectors?.[0];
    if (!collector) throw new Error("no collector");
    collector.config = { method: "HEAD", url: "http://old.test", timeout: 5000 };
    collector.assertions = [...(collector.assertions ?? []), { field: "responseTimeMs", operator: "lessThan", value: 500 }];

    const values = valuesOf({ id: "s", name: "Shop", description: null, metadata: null, createdAt: new Date(), updatedAt: new Date() }, known, undefined);
    expect(values).toMatchObject({ name: "Shop", description: "", url: "http://old.test", expectedStatus: "204", intervalSeconds: "60", tellMe: false });

    const changed = checkOf({ ...values, url: "http://new.test", expectedStatus: "" }, known);
    expect(changed).toMatchObject({ name: "By hand", config: { timeout: 9 } });
    expect(changed.collectors).toEqual([
      { id: collector.id, collectorId: "healthcheck-http.request", config: { method: "HEAD", url: "http://new.test", timeout: 5000 }, assertions: [{ field: "responseTimeMs", operator: "lessThan", value: 500 }] },
    ]);
  });
});
