import { useEffect, useSyncExternalStore } from "react";

/**
 * What the inbox shows as read or gone while its reader may still undo that, and the server has not been told: as much of it as the
 * first page needs. The bell counts with it, and who signs out or leaves sends it first.
 */
let reads: ReadonlySet<string> = new Set();
let send = (): Promise<void> => Promise.resolve();
const watchers = new Set<() => void>();

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** The ids of rows that the server counts as unread and the page does not. */
export function useUnsentReads(): ReadonlySet<string> {
  return useSyncExternalStore(watch, () => reads);
}

/** Says what is not sent, and how to send all of it. */
export function setUnsent(ids: ReadonlySet<string>, how: () => Promise<void>): void {
  reads = ids;
  send = how;
  for (const each of watchers) each();
}

/** Sends all of it now; ends when the server has answered. */
export function sendUnsent(): Promise<void> {
  return send();
}

/** Sends it when the site is hidden, left or closed, and when its reader is signed in no more. */
export function useSendingInTime(): void {
  useEffect(() => {
    const leave = () => void sendUnsent();
    const hide = () => {
      if (document.visibilityState === "hidden") leave();
    };
    window.addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", hide);
    return () => {
      window.removeEventListener("pagehide", leave);
      document.removeEventListener("visibilitychange", hide);
      leave();
    };
  }, []);
}
