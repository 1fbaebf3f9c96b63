import type { SignalTable } from "@/lib/signals";

/** A system's group is named after it and goes with it, and so do its checks: these areas show what changed here. */
export const catalogSignals: SignalTable = {
  "catalog.changed": () => [["catalog"], ["healthcheck"], ["notification", "getGroups"], ["notification", "getSubscriptions"]],
};
