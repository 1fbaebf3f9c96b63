import { useQueryClient, type QueryKey } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import { authSignals } from "@/areas/auth/signals";
import { sessionQuery } from "@/areas/auth/queries";
import { catalogSignals } from "@/areas/catalog/signals";
import { healthcheckSignals } from "@/areas/healthcheck/signals";
import { notificationSignals } from "@/areas/notification/signals";
import { Realtime, type RealtimeState } from "@/lib/realtime";
import { Refresher } from "@/lib/refresher";
import type { SignalTable } from "@/lib/signals";

const table: SignalTable = { ...authSignals, ...notificationSignals, ...healthcheckSignals, ...catalogSignals };

const BURST_MS = 500;

/** What a signal makes stale; one without a line in its area's table makes the whole area stale. */
export function staleAfter(signal: { id: string; area: string; payload: unknown }): QueryKey[] {
  const entry = (table as Partial<Record<string, (payload: unknown) => QueryKey[]>>)[signal.id];
  return entry ? entry(signal.payload) : [[signal.area]];
}

/** Keeps the page in step with the server while someone is signed in; answers whether it is in step now. */
export function useLive(): RealtimeState {
  const queries = useQueryClient();
  const [realtime] = useState(() => {
    const refresher = new Refresher(queries, BURST_MS);
    const url = `${window.location.origin.replace(/^http/, "ws")}/api/signals/ws`;
    const socket = new Realtime(url, {
      signal: (signal) => refresher.add(staleAfter(signal)),
      connected: () => refresher.addAll(),
      sessionEnded: () => void queries.invalidateQueries(sessionQuery),
    });
    return { socket, refresher };
  });

  useEffect(() => {
    realtime.socket.start();
    return () => {
      realtime.socket.stop();
      realtime.refresher.stop();
    };
  }, [realtime]);

  return useSyncExternalStore(realtime.socket.watch, realtime.socket.state);
}
