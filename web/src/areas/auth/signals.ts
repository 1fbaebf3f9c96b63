import type { SignalTable } from "@/lib/signals";

/** Signing in and out is told by the socket's end, not by a signal. */
export const authSignals: SignalTable = {};
