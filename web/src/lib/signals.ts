import type { QueryKey } from "@tanstack/react-query";
import type { Signals } from "./generated/contract";

/** Which queries a signal makes stale: one line a signal, in the `signals.ts` of its area. */
export type SignalTable = { [S in keyof Signals]?: (payload: Signals[S]) => QueryKey[] };
