import { createMemoryHistory } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { App } from "@/app/App";
import { FakeBrowser } from "./fake-browser.ts";
import type { FakeServer, FakeUser } from "./fake/fake-server.ts";

interface Opened {
  server: FakeServer;
  browser: FakeBrowser;
  /** Who is signed in. */
  person: FakeUser;
  user: ReturnType<typeof userEvent.setup>;
  /** The address the app is at. */
  at: () => string;
  /** So many steps on in the browser's history, or back. */
  go: (by: number) => void;
}

/** Opens the app at a path, signed in as a new administrator unless told otherwise. */
export function openApp(path = "/", { rules = ["*"], prepare }: { rules?: string[]; prepare?: (server: FakeServer, person: FakeUser) => void } = {}): Opened {
  const browser = FakeBrowser.get();
  const person = browser.server.addUser({ rules });
  browser.token = browser.server.openSession(person);
  prepare?.(browser.server, person);
  return { ...openVisiting(path), person };
}

/** Opens the app without a session. */
export function openVisiting(path = "/"): Omit<Opened, "person"> {
  const browser = FakeBrowser.get();
  const history = createMemoryHistory({ initialEntries: [path] });
  render(<App history={history} />);
  return { browser, server: browser.server, user: userEvent.setup(), at: () => history.location.href, go: (by) => history.go(by) };
}

/** A system with one HTTP check, as the form would have made it. */
export async function addSystem(server: FakeServer, person: FakeUser, name: string, { subscribe = false } = {}): Promise<string> {
  const token = server.openSession(person);
  const call = async (path: string, input: unknown) => {
    const { response } = await server.handle("POST", `/api/${path}`, JSON.stringify({ json: input }), token);
    const { json } = (await response.json()) as { json: { id: string } };
    return json;
  };
  const { id } = await call("catalog/createSystem", { name });
  const check = await call("healthcheck/createConfiguration", {
    name,
    strategyId: "healthcheck-http.http",
    config: {},
    intervalSeconds: 30,
    collectors: [{ id: "c1", collectorId: "healthcheck-http.request", config: { method: "HEAD", url: "http://old.test/", timeout: 5000 }, assertions: [{ field: "responseTimeMs", operator: "lessThan", value: 900 }] }],
  });
  const stateThresholds = { mode: "consecutive", healthy: { minSuccessCount: 1 }, degraded: { minFailureCount: 2 }, unhealthy: { minFailureCount: 2 } };
  await call("healthcheck/associateSystem", { systemId: id, body: { configurationId: check.id, stateThresholds } });
  if (subscribe) await call("notification/subscribe", { groupId: `catalog.system.${id}` });
  server.calls.length = 0;
  return id;
}
