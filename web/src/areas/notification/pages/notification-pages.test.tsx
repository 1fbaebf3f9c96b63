import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBrowser } from "../../../../test/fake-browser";
import { FakeError, type FakeServer, type FakeUser } from "../../../../test/fake/fake-server";
import { addSystem, openApp } from "../../../../test/open-app";

const notify =
  (count: number) =>
  (server: FakeServer, { id }: FakeUser) => {
    for (let at = 1; at <= count; at++) server.notify(id, { title: `Notice ${String(at)}`, body: "**Body**" });
  };

const badge = () => screen.queryByTestId("bell-badge")?.textContent;
const rows = () => screen.queryAllByTestId("inbox-row");

describe("the bell", () => {
  it("rings without a reload, and the title counts with it", async () => {
    const { server, person } = openApp("/");
    await screen.findByTestId("bell-button");
    await waitFor(() => expect(server.openSockets).toBe(1));
    expect(badge()).toBeUndefined();
    await waitFor(() => expect(document.title).toBe("Systems · Watchbell"));
    server.notify(person.id, { title: "Shop is down" });
    await waitFor(() => expect(badge()).toBe("1"));
    await waitFor(() => expect(document.title).toBe("(1) Systems · Watchbell"));
    expect(screen.getByRole("button", { name: "Notifications, 1 unread" })).toBeTruthy();
  });

  it("shows the last five without markdown, and marks all read", async () => {
    const { user, server } = openApp("/", { prepare: notify(7) });
    await waitFor(() => expect(badge()).toBe("7"));
    await user.click(screen.getByTestId("bell-button"));
    const panel = await screen.findByRole("dialog", { name: "Notifications" });
    expect((await within(panel).findAllByRole("listitem")).map((each) => /Notice \d/.exec(each.textContent)?.[0])).toEqual(["Notice 7", "Notice 6", "Notice 5", "Notice 4", "Notice 3"]);
    expect(within(panel).getAllByText("Body")).toHaveLength(5);
    await user.click(within(panel).getByRole("button", { name: "Mark all read" }));
    await waitFor(() => expect(badge()).toBeUndefined());
    expect(within(panel).getByText("Nothing new")).toBeTruthy();
    expect(server.callsOf("notification.markAsRead")).toEqual([{}]);
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("writes 99+ beyond 99", async () => {
    openApp("/", { prepare: notify(100) });
    await waitFor(() => expect(badge()).toBe("99+"));
  });

  it("is silenced by another tab", async () => {
    const { server, browser } = openApp("/", { prepare: notify(1) });
    await waitFor(() => expect(badge()).toBe("1"));
    await waitFor(() => expect(server.openSockets).toBe(1));
    await server.handle("POST", "/api/notification/markAsRead", '{"json":{}}', browser.token);
    await waitFor(() => expect(badge()).toBeUndefined());
  });

  it("catches up after a lost connection", async () => {
    const { server, person } = openApp("/");
    await waitFor(() => expect(server.openSockets).toBe(1));
    server.dropSockets(1012);
    server.notify(person.id, { title: "While away" });
    await waitFor(() => expect(badge()).toBe("1"), { timeout: 5000 });
  });
});

describe("the inbox", () => {
  it("pages, and begins anew with another filter", async () => {
    const { user, at } = openApp("/inbox", { prepare: notify(23) });
    await waitFor(() => expect(rows()).toHaveLength(20));
    expect(screen.getByText("1–20 of 23")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Next" }));
    await waitFor(() => expect(rows()).toHaveLength(3));
    expect(at()).toBe("/inbox?page=2");
    await user.click(screen.getByRole("radio", { name: "Unread" }));
    await waitFor(() => expect(at()).toBe("/inbox?show=unread"));
    await waitFor(() => expect(rows()).toHaveLength(20));
  });

  it("marks one at once, and takes it back when the server refuses", async () => {
    const { user, server } = openApp("/inbox", { prepare: notify(2) });
    await waitFor(() => expect(rows()).toHaveLength(2));
    server.fail("notification.markAsRead", new FakeError(500, "INTERNAL_SERVER_ERROR", "Failed"));
    const release = server.hold("notification.markAsRead");
    await user.click(screen.getAllByRole("button", { name: "Mark as read" })[0] ?? document.body);
    await waitFor(() => expect(badge()).toBe("1"));
    expect(screen.getAllByRole("button", { name: "Mark as read" })).toHaveLength(1);
    release();
    expect(await screen.findByText("Marking as read was undone: The server met an error.")).toBeTruthy();
    await waitFor(() => expect(badge()).toBe("2"));

    await user.click(screen.getAllByRole("button", { name: "Mark as read" })[0] ?? document.body);
    await waitFor(() => expect(badge()).toBe("1"));
    expect(server.notifications.filter((each) => each.isRead)).toHaveLength(1);
  });

  it("deletes after asking, and turns back from a page that is gone", async () => {
    const { user, at, server } = openApp("/inbox?page=2", { prepare: notify(21) });
    await waitFor(() => expect(rows()).toHaveLength(1));
    await user.click(screen.getByRole("button", { name: "Delete" }));
    const dialog = screen.getByRole("dialog", { name: "Delete this notification?" });
    server.fail("notification.deleteNotification", new FakeError(503, "SERVICE_UNAVAILABLE", "Busy"));
    await user.click(within(dialog).getByRole("button", { name: "Delete notification" }));
    expect((await within(dialog).findByRole("alert")).textContent).toMatch(/busy/);
    await user.click(within(dialog).getByRole("button", { name: "Delete notification" }));
    await waitFor(() => expect(at()).toBe("/inbox"));
    await waitFor(() => expect(rows()).toHaveLength(20));
  });

  it("keeps the place of who walks it by keyboard", async () => {
    const { user } = openApp("/inbox?show=unread", { prepare: notify(3) });
    await waitFor(() => expect(rows()).toHaveLength(3));
    within(rows()[1] ?? document.body).getByRole("button", { name: "Mark as read" }).focus();
    await user.keyboard("{Enter}");
    await waitFor(() => expect(rows()).toHaveLength(2));
    // The row is gone, and the one that follows it has the focus.
    expect(rows()[1]?.textContent).toMatch(/Notice 1/);
    expect(rows()[1]?.contains(document.activeElement)).toBe(true);
    await user.click(screen.getByRole("button", { name: "Mark all read" }));
    expect(await screen.findByText("All read")).toBeTruthy();
    expect(document.activeElement).toBe(screen.getByRole("main"));
  });

  it("leads from a page beyond the last to the last", async () => {
    const { at } = openApp("/inbox?page=9&show=unread", { prepare: notify(21) });
    await waitFor(() => expect(at()).toBe("/inbox?show=unread&page=2"));
    await waitFor(() => expect(rows()).toHaveLength(1));
  });

  it("follows an action into the app and marks its notice read", async () => {
    const { server } = FakeBrowser.get();
    const id = await addSystem(server, server.addUser(), "Shop");
    const { user, at } = openApp("/inbox", {
      prepare: (_, person) => server.notify(person.id, { title: "Shop is down", importance: "critical", action: { label: "Open system", url: `http://watchbell.test/catalog/system/${id}` } }),
    });
    await user.click(await screen.findByRole("link", { name: "Open system" }));
    expect(await screen.findByRole("heading", { name: "Shop", level: 1 })).toBeTruthy();
    expect(at()).toBe(`/systems/${id}`);
    await waitFor(() => expect(badge()).toBeUndefined());
  });

  it("says what to do when it is empty", async () => {
    openApp("/inbox");
    expect(await screen.findByText("Your inbox is empty")).toBeTruthy();
    expect(screen.getByRole("link", { name: "Choose systems" })).toBeTruthy();
  });
});

describe("settings", () => {
  it("sets up the webhook, keeps its secret, tests it and turns it off", async () => {
    const { user, server } = openApp("/settings");
    await user.type(await screen.findByLabelText("URL"), "nowhere");
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(screen.getByText(/begins with http/)).toBeTruthy();
    await user.clear(screen.getByLabelText("URL"));
    await user.type(screen.getByLabelText("URL"), "http://sink.test/hook");
    await user.type(screen.getByLabelText("Signing secret"), "s3cret");
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(await screen.findByText("Webhook saved.")).toBeTruthy();
    expect(await screen.findByText("Active")).toBeTruthy();
    expect(screen.getByLabelText("Signing secret")).toHaveProperty("value", "");
    expect(screen.getByText("Set. Leave empty to keep it.")).toBeTruthy();

    await user.click(screen.getByRole("button", { name: "Send a test" }));
    expect(await screen.findByText("The test was delivered.")).toBeTruthy();
    expect(server.tests).toEqual([{ url: "http://sink.test/hook", secret: "s3cret" }]);

    server.testAnswer = { success: false, error: "Status 500" };
    await user.click(screen.getByRole("button", { name: "Send a test" }));
    expect(await screen.findByText("The test failed: Status 500")).toBeTruthy();

    await user.click(screen.getByRole("switch", { name: "Use Webhook" }));
    expect(await screen.findByText("Off")).toBeTruthy();
    expect(server.callsOf("notification.setUserDeliveryPreference").at(-1)).toEqual({ strategyId: "notification-webhook.webhook", enabled: false });
  });

  it("removes a secret, and the whole channel, after asking", async () => {
    const { user, server } = openApp("/settings");
    await user.type(await screen.findByLabelText("URL"), "http://sink.test/hook");
    await user.type(screen.getByLabelText("Signing secret"), "s3cret");
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(await screen.findByText("Active")).toBeTruthy();
    expect(screen.getByRole("button", { name: "Send a test" })).toHaveProperty("disabled", false);
    await user.type(screen.getByLabelText("URL"), "2");
    expect(screen.getByText("A test uses what is saved. Save first.")).toBeTruthy();
    expect(screen.getByRole("button", { name: "Send a test" })).toHaveProperty("disabled", true);

    await user.click(screen.getByRole("button", { name: "Remove Signing secret" }));
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Remove Signing secret" }));
    await waitFor(() => expect(screen.queryByText("Set. Leave empty to keep it.")).toBeNull());
    expect(screen.getByLabelText("URL")).toHaveProperty("value", "http://sink.test/hook2");

    await user.click(screen.getByRole("button", { name: "Remove" }));
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Remove channel" }));
    expect(await screen.findByText("Needs set-up")).toBeTruthy();
    expect(screen.getByLabelText("URL")).toHaveProperty("value", "");
    expect(server.callsOf("notification.setUserDeliveryPreference").at(-1)).toEqual({ strategyId: "notification-webhook.webhook", enabled: true, userConfig: null });
  });

  it("keeps what was typed when saving fails", async () => {
    const { user, server } = openApp("/settings");
    server.fail("notification.setUserDeliveryPreference", new FakeError(400, "BAD_REQUEST", "Invalid", [{ path: ["userConfig", "url"], message: "This address may not be reached" }]));
    await user.type(await screen.findByLabelText("URL"), "http://127.0.0.1/");
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect((await screen.findByText(/This address may not be reached/)).textContent).toMatch(/Reference/);
    expect(screen.getByLabelText("URL")).toHaveProperty("value", "http://127.0.0.1/");
  });

  it("lists subscriptions, ends them, and takes that back", async () => {
    const { server } = FakeBrowser.get();
    const { person, user } = openApp("/settings");
    await screen.findByText("You are told about nothing yet");
    await addSystem(server, person, "Shop", { subscribe: true });
    server.announce("catalog.changed", { entity: "system", action: "created" });
    const tellMe = await screen.findByRole("switch", { name: "Tell me about Shop" });
    await user.click(tellMe);
    await waitFor(() => expect(tellMe.getAttribute("aria-checked")).toBe("false"));
    expect(server.callsOf("notification.unsubscribe")).toHaveLength(1);
    await user.click(tellMe);
    await waitFor(() => expect(tellMe.getAttribute("aria-checked")).toBe("true"));
    expect(server.callsOf("notification.subscribe").at(-1)).toMatchObject({ groupId: expect.stringMatching(/^catalog\.system\./) as string });
  });

  it("offers the groups of outside senders, which have no other page", async () => {
    FakeBrowser.get().server.groups.push({ id: "deploys.eu", name: "Deployments", description: "Each one in eu", ownerPlugin: "deploys", createdAt: new Date() });
    const { user, server } = openApp("/settings");
    await user.click(await screen.findByRole("switch", { name: "Tell me about Deployments" }));
    await waitFor(() => expect(server.callsOf("notification.subscribe")).toEqual([{ groupId: "deploys.eu" }]));
  });

  it("remembers the chosen theme in this browser", async () => {
    const { user } = openApp("/settings");
    await user.click(await screen.findByRole("radio", { name: "Dark" }));
    expect(document.documentElement.dataset["theme"]).toBe("dark");
    expect(localStorage.getItem("watchbell.theme")).toBe("dark");
    await user.click(screen.getByRole("radio", { name: "System" }));
    expect(document.documentElement.dataset["theme"]).toBeUndefined();
    expect(localStorage.getItem("watchbell.theme")).toBeNull();
  });
});

describe("administration", () => {
  it("turns a strategy off for everyone", async () => {
    const { user, server } = openApp("/administration");
    await user.click(await screen.findByRole("switch", { name: "Allow Webhook" }));
    await waitFor(() => expect(server.webhookEnabled).toBe(false));
    await user.click(screen.getByRole("link", { name: "Settings" }));
    expect(await screen.findByText("No channels are available")).toBeTruthy();
    // An administrator is sent to where it is turned on, not to an administrator.
    expect(screen.getByRole("link", { name: "Open Administration" })).toBeTruthy();
  });

  it("is neither offered nor shown to others", async () => {
    const { server } = openApp("/administration", { rules: ["catalog.system.read"] });
    expect(await screen.findByText("This page is for administrators")).toBeTruthy();
    expect(screen.queryByRole("link", { name: "Administration" })).toBeNull();
    expect(server.callsOf("notification.getDeliveryStrategies")).toEqual([]);
  });
});
