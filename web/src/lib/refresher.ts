import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { refresh } from "./query";

/**
 * Joins refreshes that come in bursts: the first happens at once, those within `intervalMs` after it together at its end. A
 * hundred systems checked every second would otherwise make a hundred calls a second of every open page.
 */
export class Refresher {
  private readonly waiting = new Map<string, QueryKey>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly queries: QueryClient;
  private readonly intervalMs: number;

  constructor(queries: QueryClient, intervalMs: number) {
    this.queries = queries;
    this.intervalMs = intervalMs;
  }

  add(keys: readonly QueryKey[]): void {
    for (const key of keys) this.waiting.set(JSON.stringify(key), key);
    if (this.timer === undefined) this.flush();
  }

  /** Everything may have changed: what is waiting is part of it. */
  addAll(): void {
    this.waiting.clear();
    refresh(this.queries, [[]]);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting.clear();
  }

  private flush(): void {
    this.timer = undefined;
    if (this.waiting.size === 0) return;
    const keys = [...this.waiting.values()];
    this.waiting.clear();
    this.timer = setTimeout(() => this.flush(), this.intervalMs);
    refresh(this.queries, keys);
  }
}
