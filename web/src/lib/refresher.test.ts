import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { refresh } from "./query";
import { Refresher } from "./refresher";

describe("Refresher", () => {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  let loads: string[] = [];
  const watch = (name: string) =>
    new QueryObserver(queries, {
      queryKey: [name, "all"],
      queryFn: () => {
        loads.push(name);
        return name;
      },
    }).subscribe(() => undefined);

  beforeEach(() => {
    vi.useFakeTimers();
    loads = [];
  });
  afterEach(() => {
    queries.clear();
    vi.useRealTimers();
  });

  it("refreshes at once, then once for all that came within the interval", async () => {
    const stops = [watch("a"), watch("b")];
    await vi.advanceTimersByTimeAsync(0);
    loads = [];
    const refresher = new Refresher(queries, 500);
    refresher.add([["a"]]);
    await vi.advanceTimersByTimeAsync(1);
    expect(loads).toEqual(["a"]);
    refresher.add([["a"]]);
    refresher.add([["b"]]);
    refresher.add([["a"]]);
    await vi.advanceTimersByTimeAsync(498);
    expect(loads).toEqual(["a"]);
    await vi.advanceTimersByTimeAsync(2);
    expect(loads).toEqual(["a", "a", "b"]);
    refresher.stop();
    stops.forEach((stop) => stop());
  });

  it("fetches once more what was being fetched for the first time when the change came", async () => {
    let answer: (value: string) => void = () => undefined;
    const answers = ["old", "new"];
    const observer = new QueryObserver(queries, {
      queryKey: ["slow"],
      queryFn: () => {
        const value = answers.shift() ?? "";
        return value === "old" ? new Promise<string>((resolve) => (answer = resolve)) : value;
      },
    });
    const stop = observer.subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(0);
    refresh(queries, [["slow"]]);
    answer("old");
    await vi.advanceTimersByTimeAsync(1);
    expect(observer.getCurrentResult().data).toBe("new");
    stop();
  });
});
