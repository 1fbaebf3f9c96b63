import { useSyncExternalStore } from "react";

/**
 * What the inbox shows as read or gone while its reader may still undo that, and the server has not been told: as much of it as the
 * first page needs. The bell counts with it, and whoever signs out sends it first.
 */
let reads: ReadonlySet<string> = new Set();
let send: (() => Promise<void>) | undefined;
const watchers = new Set<() => void>();

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** The ids of rows that the server counts as unread and the page does not. */
export function useUnsentReads(): ReadonlySet<string> {
  return useSyncExternalStore(watch, () => reads);
}

export function setUnsentReads(ids: ReadonlySet<string>): void {
  reads = ids;
  for (const each of watchers) each();
}

/** Says how to send all of it; answers how to take that back. */
export function offerSending(how: () => Promise<void>): () => void {
  send = how;
  return () => {
    if (send === how) send = undefined;
  };
}

/** Sends all of it now; ends when the server has answered. */
export async function sendUnsent(): Promise<void> {
  await send?.();
}
