import type { SignalTable } from "@/lib/signals";

export const healthcheckSignals: SignalTable = {
  "healthcheck.run.completed": ({ systemId }) => [
    ["healthcheck", "getBulkSystemHealthStatus"],
    ["healthcheck", "getSystemHealthStatus", { systemId }],
    ["healthcheck", "getHistory", { systemId }],
  ],
  "healthcheck.system.status_changed": ({ systemId }) => [
    ["healthcheck", "getBulkSystemHealthStatus"],
    ["healthcheck", "getSystemHealthStatus", { systemId }],
    ["healthcheck", "getHistory", { systemId }],
  ],
  "healthcheck.config.changed": () => [["healthcheck"]],
};
