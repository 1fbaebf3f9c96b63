import type { FakeServer, FakeUser } from "./fake-server.ts";

const SYSTEMS = [
  { name: "Shop", path: "shop", description: "Where customers buy", base: 84, failing: (at: number) => at > 112 },
  { name: "Payments API", path: "payments", description: "", base: 140, failing: (at: number) => at > 117 },
  { name: "Search", path: "search", description: "Finds products", base: 35, failing: (at: number) => at === 96 },
  { name: "Accounts", path: "accounts", description: "", base: 52, failing: () => false },
  { name: "Warehouse gateway with a rather long name that has to be cut", path: "warehouse", description: "", base: 410, failing: (at: number) => at % 29 === 0 && at > 0 },
  { name: "Mail relay", path: "mail", description: "", base: 21, failing: () => false },
];

/** A handful of systems with two hours of runs, and an inbox: something to look at. */
export function seed(server: FakeServer, user: FakeUser, call: (path: string, input: unknown) => Promise<unknown>): Promise<void> {
  return SYSTEMS.reduce(async (before, { name, path, description, base, failing }) => {
    await before;
    const system = (await call("catalog/createSystem", { name, ...(description === "" ? {} : { description }) })) as { id: string };
    const check = (await call("healthcheck/createConfiguration", {
      name: `${name} over HTTP`,
      strategyId: "healthcheck-http.http",
      config: {},
      intervalSeconds: 60,
      collectors: [{ id: path, collectorId: "healthcheck-http.request", config: { method: "GET", url: `https://${path}.example.com/health` }, assertions: [] }],
    })) as { id: string };
    await call("healthcheck/associateSystem", {
      systemId: system.id,
      body: { configurationId: check.id, stateThresholds: { mode: "consecutive", healthy: { minSuccessCount: 1 }, degraded: { minFailureCount: 2 }, unhealthy: { minFailureCount: 5 } } },
    });
    await call("notification/subscribe", { groupId: `catalog.system.${system.id}` });
    if (name === "Mail relay") return;
    for (let at = 0; at < 120; at++) {
      const when = new Date(Date.now() - (120 - at) * 60_000);
      const wave = base * (1 + 0.25 * Math.sin(at / 7) + 0.12 * Math.sin(at * 1.7));
      if (failing(at)) server.run(system.id, "unhealthy", at % 2 === 0 ? undefined : wave * 3, at % 2 === 0 ? "Connection refused" : "Status 503 is not between 200 and 399", when);
      else server.run(system.id, "healthy", Math.round(wave), undefined, when);
    }
  }, Promise.resolve()).then(() => {
    server.notifications.forEach((each, at) => {
      each.createdAt = new Date(Date.now() - (at * at * 9 + 3) * 60_000);
      each.isRead = at > 2;
    });
    server.notifications.forEach(({ id }, at) => {
      server.delivery.deliver(id, "Webhook", "delivered");
      if (at % 2 === 0) server.delivery.deliver(id, "Mail", at === 0 ? "pending" : "dead", { attempts: at === 0 ? 2 : 10, reason: "the mail server does not answer" });
    });
    server.notify(user.id, { title: `Done:https://ci.example.com/${"pipelines".repeat(12)}`, body: `See https://ci.example.com/${"artifacts".repeat(12)}` });
    server.notify(user.id, {
      title: "Deploy 2024.11 finished",
      body: "All **14** services run the new version.\n\n- database migrated\n- caches warmed\n\nSee the [release notes](https://example.com/notes) or run `deploy status`.",
      action: { label: "Open pipeline", url: "https://ci.example.com/1" },
    });
  });
}
