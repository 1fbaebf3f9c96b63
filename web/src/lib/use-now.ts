import { useSyncExternalStore } from "react";

const PERIOD_MS = 10_000;

let now = new Date();
let timer: ReturnType<typeof setInterval> | undefined;
const watchers = new Set<() => void>();

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  if (timer === undefined) {
    now = new Date();
    timer = setInterval(() => {
      now = new Date();
      for (const each of watchers) each();
    }, PERIOD_MS);
  }
  return () => {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The time, moving on every ten seconds: one timer for all relative times on the page. */
export function useNow(): Date {
  return useSyncExternalStore(watch, () => now);
}
