import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeError } from "../../../../test/fake/fake-server";
import { addSystem, openApp } from "../../../../test/open-app";
import { FakeBrowser } from "../../../../test/fake-browser";

async function withSystems(...names: string[]) {
  const { server } = FakeBrowser.get();
  const person = server.addUser();
  const ids = [];
  for (const name of names) ids.push(await addSystem(server, person, name));
  return { server, person, ids };
}

const rows = () => screen.getAllByTestId("system-row").map((row) => row.textContent);

const openViews = async (user: ReturnType<typeof openApp>["user"]) => {
  await user.click(await screen.findByRole("button", { name: "Views" }));
  return within(await screen.findByRole("dialog", { name: "Views" }));
};

describe("views of the systems", () => {
  it("keep what is shown under a name, lead back to it, and are deleted only after asking", async () => {
    const { server, ids } = await withSystems("Shop", "Search", "Mail");
    for (const id of ids.slice(0, 2)) server.run(id, "healthy", 10);
    const { user, at } = openApp("/?state=healthy&q=sh");
    await waitFor(() => expect(rows()).toHaveLength(1));
    const panel = await openViews(user);
    expect(await panel.findByText("No views yet")).toBeTruthy();
    await user.click(panel.getByRole("button", { name: "Save" }));
    expect(panel.getByText("Fill this in.")).toBeTruthy();
    await user.type(panel.getByLabelText("Keep what is shown as"), "Shops");
    await user.click(panel.getByRole("button", { name: "Save" }));
    expect((await panel.findByRole("link", { name: "Shops" })).getAttribute("aria-current")).toBe("page");
    expect(server.callsOf("catalog.createView")).toEqual([{ name: "Shops", configuration: { systems: { state: "healthy", q: "sh" } } }]);
    await user.keyboard("{Escape}");

    await user.click(screen.getByRole("button", { name: /^All/ }));
    await user.clear(screen.getByRole("searchbox", { name: "Find a system" }));
    await waitFor(() => expect(at()).toBe("/"));
    const again = await openViews(user);
    const link = await again.findByRole("link", { name: "Shops" });
    expect(link.getAttribute("aria-current")).toBeNull();
    expect(again.queryByLabelText("Keep what is shown as")).toBeNull();
    await user.click(link);
    await waitFor(() => expect(at()).toBe("/?state=healthy&q=sh"));
    await waitFor(() => expect(screen.queryByRole("dialog", { name: "Views" })).toBeNull());

    const last = await openViews(user);
    await user.click(await last.findByRole("button", { name: "Delete the view Shops" }));
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(server.catalog.views).toHaveLength(1);
    await user.click(last.getByRole("button", { name: "Delete the view Shops" }));
    await user.click(screen.getByRole("button", { name: "Delete view" }));
    expect(await last.findByText("No views yet")).toBeTruthy();
  });

  it("keep what was typed when the server refuses", async () => {
    const { server } = await withSystems("Shop");
    server.fail("catalog.createView", new FakeError(400, "BAD_REQUEST", "Invalid", [{ path: ["name"], message: "Too long" }]));
    const { user } = openApp("/?q=sh");
    const panel = await openViews(user);
    await user.type(await panel.findByLabelText("Keep what is shown as"), "Shops");
    await user.click(panel.getByRole("button", { name: "Save" }));
    expect(await panel.findByText("Too long")).toBeTruthy();
    expect(panel.getByLabelText("Keep what is shown as")).toHaveProperty("value", "Shops");
  });

  it("that are of no use here, or of another program, are not offered", async () => {
    const { server } = await withSystems("Shop");
    server.catalog.addView("Theirs", { columns: ["a"] });
    server.catalog.addView("Odd", { systems: { state: "purple", q: 7 } });
    const { user } = openApp("/");
    const panel = await openViews(user);
    expect((await panel.findAllByTestId("view-row")).map((row) => row.textContent)).toEqual(["Odd"]);
    expect(panel.getByRole("link", { name: "Odd" }).getAttribute("href")).toBe("/");
  });

  it("that cannot be read say so", async () => {
    const { server } = await withSystems("Shop");
    server.fail("catalog.getViews", new FakeError(400, "BROKEN", "Broken"));
    const { user } = openApp("/");
    const panel = await openViews(user);
    await user.click(await panel.findByRole("button", { name: "Try again" }));
    expect(await panel.findByText("No views yet")).toBeTruthy();
  });

  it("are kept and deleted by who may, and seen by who may", async () => {
    const { server } = await withSystems("Shop");
    server.catalog.addView("Shops", { systems: { q: "sh" } });
    const { user } = openApp("/?q=sh", { rules: ["catalog.system.read", "healthcheck.healthcheck.status.read", "catalog.view.read"] });
    const panel = await openViews(user);
    expect(await panel.findByRole("link", { name: "Shops" })).toBeTruthy();
    for (const part of [panel.queryByLabelText("Keep what is shown as"), panel.queryByRole("button", { name: "Delete the view Shops" })]) expect(part).toBeNull();
  });

  it("are not there for who may not see them", async () => {
    await withSystems("Shop");
    openApp("/", { rules: ["catalog.system.read", "healthcheck.healthcheck.status.read"] });
    await waitFor(() => expect(rows()).toHaveLength(1));
    expect(screen.queryByRole("button", { name: "Views" })).toBeNull();
  });
});

describe("systems", () => {
  it("stand worst first, then by name, and follow their state without a reload", async () => {
    const { server, ids } = await withSystems("Beta", "Alpha", "Gamma");
    const [beta = "", alpha = "", gamma = ""] = ids;
    server.run(alpha, "healthy", 40);
    server.run(beta, "healthy", 50);
    server.run(gamma, "healthy", 60);
    openApp("/");
    await waitFor(() => expect(rows()).toEqual([expect.stringContaining("Alpha"), expect.stringContaining("Beta"), expect.stringContaining("Gamma")]));
    await waitFor(() => expect(server.openSockets).toBe(1));

    server.run(gamma, "unhealthy", undefined, "Connection refused");
    server.run(gamma, "unhealthy", undefined, "Connection refused");
    await waitFor(() => expect(rows()[0]).toMatch(/^Unhealthy.*Gamma/));
    expect(screen.getByRole("img", { name: "Last 3 runs: 2 unhealthy, 1 healthy" })).toBeTruthy();
  });

  it("are filtered by state and by name, both kept in the address", async () => {
    const { server, ids } = await withSystems("Shop", "Search", "Mail");
    for (const id of ids.slice(0, 2)) server.run(id, "healthy", 10);
    const { user, at } = openApp("/");
    await user.click(await screen.findByRole("button", { name: "Unknown 1" }));
    expect(rows()).toHaveLength(1);
    expect(at()).toBe("/?state=unknown");
    await user.click(screen.getByRole("button", { name: "All 3" }));
    await user.type(screen.getByRole("searchbox", { name: "Find a system" }), "sh");
    await waitFor(() => expect(rows()).toEqual([expect.stringContaining("Shop")]));
    expect(at()).toBe("/?q=sh");
    await user.type(screen.getByRole("searchbox", { name: "Find a system" }), "x");
    await user.click(await screen.findByRole("button", { name: "Clear filter" }));
    await waitFor(() => expect(rows()).toHaveLength(3));
  });

  it("offer adding only to who may", async () => {
    openApp("/", { rules: ["catalog.system.read", "healthcheck.healthcheck.status.read"] });
    expect(await screen.findByText("No systems yet")).toBeTruthy();
    expect(screen.queryByRole("link", { name: "Add system" })).toBeNull();
  });

  it("that cannot be read say so, with the reference and another try", async () => {
    FakeBrowser.get().server.fail("catalog.getSystems", new FakeError(403, "FORBIDDEN", "Missing rule"));
    const { user } = openApp("/");
    const alert = await screen.findByText("This could not be loaded");
    expect(within(alert.parentElement ?? document.body).getByText(/Reference fake-\d+/)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("Watch your first system")).toBeTruthy();
  });
});

describe("adding a system", () => {
  it("makes the system, its check with thresholds, and subscribes its author", async () => {
    const { user, server, at } = openApp("/");
    await user.click(await screen.findByRole("link", { name: "Add system" }));
    await user.type(await screen.findByLabelText("Name"), "Shop");
    await user.type(screen.getByLabelText("URL"), "http://127.0.0.1:9/health");
    await user.clear(screen.getByLabelText("Interval (seconds)"));
    await user.type(screen.getByLabelText("Interval (seconds)"), "1");
    await user.click(screen.getByText("Advanced"));
    await user.clear(screen.getByLabelText("Unhealthy after failures"));
    await user.type(screen.getByLabelText("Unhealthy after failures"), "2");
    expect(screen.getByRole("switch", { name: "Tell me" }).getAttribute("aria-checked")).toBe("true");
    await user.click(screen.getByRole("button", { name: "Add system" }));

    expect(await screen.findByRole("heading", { name: "Shop", level: 1 })).toBeTruthy();
    const id = server.systems[0]?.id ?? "";
    expect(at()).toBe(`/systems/${id}`);
    expect(server.callsOf("healthcheck.createConfiguration")).toMatchObject([
      { name: "Shop", strategyId: "healthcheck-http.http", intervalSeconds: 1, collectors: [{ collectorId: "healthcheck-http.request", config: { url: "http://127.0.0.1:9/health" } }] },
    ]);
    expect(server.callsOf("healthcheck.associateSystem")).toMatchObject([
      { systemId: id, body: { stateThresholds: { mode: "consecutive", healthy: { minSuccessCount: 1 }, degraded: { minFailureCount: 2 }, unhealthy: { minFailureCount: 2 } } } },
    ]);
    expect(server.callsOf("notification.subscribe")).toEqual([{ groupId: `catalog.system.${id}` }]);
    expect(screen.getByText("Shop is being watched.")).toBeTruthy();
  });

  it("goes on where it failed instead of making the system twice", async () => {
    const { user, server } = openApp("/systems/new");
    server.fail("healthcheck.createConfiguration", new FakeError(400, "BAD_REQUEST", "Invalid", [{ path: ["collectors", 0, "config", "url"], message: "This address may not be reached" }]));
    await user.type(await screen.findByLabelText("Name"), "Shop");
    await user.type(screen.getByLabelText("URL"), "http://169.254.169.254/");
    await user.click(screen.getByRole("switch", { name: "Tell me" }));
    await user.click(screen.getByRole("button", { name: "Add system" }));
    expect((await screen.findByRole("alert")).textContent).toMatch(/This address may not be reached.*Reference/);
    expect(screen.getByLabelText("Name")).toHaveProperty("value", "Shop");

    await user.clear(screen.getByLabelText("URL"));
    await user.type(screen.getByLabelText("URL"), "http://shop.test/");
    await user.click(screen.getByRole("button", { name: "Add system" }));
    expect(await screen.findByRole("heading", { name: "Shop", level: 1 })).toBeTruthy();
    expect(server.systems).toHaveLength(1);
    expect(server.callsOf("catalog.createSystem")).toHaveLength(1);
    expect(server.callsOf("notification.subscribe")).toEqual([]);
  });

  it("gives back what was typed when the session ends meanwhile", async () => {
    const { user, server, person, at } = openApp("/systems/new");
    await user.type(await screen.findByLabelText("Name"), "Shop");
    await user.type(screen.getByLabelText("URL"), "http://shop.test/");
    server.endSessions();
    await user.type(await screen.findByLabelText("Email"), person.email);
    await user.type(screen.getByLabelText("Password"), person.password);
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    await waitFor(() => expect(at()).toBe("/systems/new"));
    expect(await screen.findByLabelText("Name")).toHaveProperty("value", "Shop");
    expect(screen.getByLabelText("URL")).toHaveProperty("value", "http://shop.test/");
    await user.click(screen.getByRole("button", { name: "Add system" }));
    expect(await screen.findByRole("heading", { name: "Shop", level: 1 })).toBeTruthy();
  });

  it("says so at the name when it is taken", async () => {
    await withSystems("Shop");
    const { user } = openApp("/systems/new");
    await user.type(await screen.findByLabelText("Name"), "Shop");
    await user.type(screen.getByLabelText("URL"), "http://shop.test/");
    await user.click(screen.getByRole("button", { name: "Add system" }));
    expect(await screen.findByText("Another system has this name.")).toBeTruthy();
    expect(screen.getByLabelText("Name").getAttribute("aria-invalid")).toBe("true");
  });

  it("unfolds the advanced part when a mistake is inside", async () => {
    const { user, server } = openApp("/systems/new");
    await user.type(await screen.findByLabelText("Name"), "Shop");
    await user.type(screen.getByLabelText("URL"), "http://shop.test/");
    await user.clear(screen.getByLabelText("Degraded after failures"));
    await user.type(screen.getByLabelText("Degraded after failures"), "9");
    await user.click(screen.getByRole("button", { name: "Add system" }));
    const field = screen.getByLabelText("Unhealthy after failures");
    await waitFor(() => expect(document.activeElement).toBe(field));
    expect(field.closest("details")?.open).toBe(true);
    expect(server.systems).toEqual([]);
  });
});

describe("a system", () => {
  it("tells its state in a sentence, its runs with reasons, and who is told", async () => {
    const { server, ids } = await withSystems("Shop");
    const [id = ""] = ids;
    server.run(id, "healthy", 40, "40 ms, as its latency says already");
    const { user } = openApp(`/systems/${id}`);
    await waitFor(() => expect(screen.getByText(/everything works/).textContent).toMatch(/^Healthy just now: everything works\./));
    await waitFor(() => expect(server.openSockets).toBe(1));
    server.run(id, "unhealthy", undefined, "Connection refused");
    server.run(id, "unhealthy", undefined, "Connection refused");
    await waitFor(() => expect(screen.getByText(/one check is failing/).textContent).toMatch(/^Unhealthy just now/));
    expect((await screen.findAllByText("Connection refused")).length).toBeGreaterThan(0);
    expect(screen.queryByText(/as its latency says already/)).toBeNull();
    expect(screen.getByText(/http:\/\/old\.test\//)).toBeTruthy();

    const tellMe = screen.getByRole("switch", { name: "Tell me" });
    await user.click(tellMe);
    await waitFor(() => expect(tellMe.getAttribute("aria-checked")).toBe("true"));
    expect(server.callsOf("notification.subscribe")).toEqual([{ groupId: `catalog.system.${id}` }]);
  });

  it("takes a refused subscription back and says so", async () => {
    const { server, ids } = await withSystems("Shop");
    const { user } = openApp(`/systems/${ids[0] ?? ""}`);
    const tellMe = await screen.findByRole("switch", { name: "Tell me" });
    await waitFor(() => expect(tellMe).toHaveProperty("disabled", false));
    server.fail("notification.subscribe", new FakeError(404, "NOT_FOUND", "No such group"));
    await user.click(tellMe);
    expect(await screen.findByText(/Your subscription was undone/)).toBeTruthy();
    expect(tellMe.getAttribute("aria-checked")).toBe("false");
  });

  it("is edited without losing what the form does not show", async () => {
    const { server, ids } = await withSystems("Shop");
    const { user, at } = openApp(`/systems/${ids[0] ?? ""}`);
    await user.click(await screen.findByRole("link", { name: "Edit" }));
    const url = await screen.findByLabelText("URL");
    expect(url).toHaveProperty("value", "http://old.test/");
    expect(screen.getByLabelText("Unhealthy after failures")).toHaveProperty("value", "2");
    await user.clear(url);
    await user.type(url, "http://new.test/");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(at()).toBe(`/systems/${ids[0] ?? ""}`));
    expect(server.health.configurations[0]).toMatchObject({
      intervalSeconds: 30,
      collectors: [{ id: "c1", config: { method: "HEAD", url: "http://new.test/", timeout: 5000 }, assertions: [{ field: "responseTimeMs" }] }],
    });
    expect(server.systems).toHaveLength(1);
  });

  it("has its check paused, resumed and removed", async () => {
    const { server, ids } = await withSystems("Shop");
    const [id = ""] = ids;
    server.run(id, "healthy", 40);
    const { user } = openApp(`/systems/${id}`);
    await user.click(await screen.findByRole("button", { name: "Pause Shop" }));
    expect(await screen.findByText("Paused")).toBeTruthy();
    expect((await screen.findByText(/its checks are paused/)).textContent).toMatch(/^Unknown/);
    expect(screen.queryByText("No checks yet")).toBeNull();
    expect(server.health.associations(id)).toMatchObject([{ enabled: false, stateThresholds: { unhealthy: { minFailureCount: 2 } } }]);

    await user.click(screen.getByRole("button", { name: "Resume Shop" }));
    expect(await screen.findByText(/everything works/)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Remove Shop" }));
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(server.health.associations(id)).toHaveLength(1);
    await user.click(screen.getByRole("button", { name: "Remove Shop" }));
    await user.click(screen.getByRole("button", { name: "Remove check" }));
    expect(await screen.findByText("No checks yet")).toBeTruthy();
    expect(server.health.associations(id)).toEqual([]);
  });

  it("is edited without waking its paused check", async () => {
    const { server, ids } = await withSystems("Shop");
    const [id = ""] = ids;
    const [{ configurationId } = { configurationId: "" }] = server.health.associations(id);
    server.health.associate(id, { configurationId, enabled: false });
    const { user, at } = openApp(`/systems/${id}`);
    await user.click(await screen.findByRole("link", { name: "Edit Shop" }));
    await user.type(await screen.findByLabelText("Name"), " two");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(at()).toBe(`/systems/${id}`));
    expect(server.health.associations(id)).toMatchObject([{ enabled: false }]);
    expect(server.systems[0]?.name).toBe("Shop two");
  });

  it("is deleted only after asking", async () => {
    const { server, ids } = await withSystems("Shop");
    const { user, at } = openApp(`/systems/${ids[0] ?? ""}`);
    await user.click(await screen.findByRole("button", { name: "Delete" }));
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(server.systems).toHaveLength(1);
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Delete" }));
    await user.click(screen.getByRole("button", { name: "Delete" }));
    await user.click(within(screen.getByRole("dialog", { name: "Delete Shop?" })).getByRole("button", { name: "Delete system" }));
    expect(await screen.findByText("Shop was deleted.")).toBeTruthy();
    await waitFor(() => expect(at()).toBe("/"));
    expect(server.systems).toEqual([]);
  });

  it("that does not exist says so; an old address of one leads to it", async () => {
    const { at } = openApp("/catalog/system/nothing");
    expect(await screen.findByRole("heading", { name: "This system does not exist", level: 1 })).toBeTruthy();
    expect(at()).toBe("/systems/nothing");
  });
});
