import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import type { UserEvent } from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { FakeBrowser } from "../../../../test/fake-browser";
import { FakeError, type FakeServer, type FakeUser } from "../../../../test/fake/fake-server";
import { addSystem, openApp } from "../../../../test/open-app";

const notify =
  (count: number) =>
  (server: FakeServer, { id }: FakeUser) => {
    for (let at = 1; at <= count; at++) server.notify(id, { title: `Notice ${String(at)}`, body: "**Body**" });
  };

/** The form that a field stands in. */
const formOf = (label: string) => screen.getByLabelText(label).closest("form") ?? document.body;

/** Opens the bell; its panel. */
const bellOf = async (user: UserEvent) => {
  await user.click(await screen.findByTestId("bell-button"));
  return screen.findByRole("dialog", { name: "Notifications" });
};

/** The button is fetched with its panel, and does nothing until then. */
const markAllIn = (panel: HTMLElement) =>
  waitFor(() => {
    const button = within(panel).getByRole("button", { name: "Mark all read" });
    expect(button.getAttribute("aria-busy")).toBeNull();
    return button;
  });

const badge = () => screen.queryByTestId("bell-badge")?.textContent;

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

  it("shows the last five without markdown", async () => {
    const { user } = openApp("/", { prepare: notify(7) });
    await waitFor(() => expect(badge()).toBe("7"));
    const panel = await bellOf(user);
    expect((await within(panel).findAllByRole("listitem")).map((each) => /Notice \d/.exec(each.textContent)?.[0])).toEqual(["Notice 7", "Notice 6", "Notice 5", "Notice 4", "Notice 3"]);
    expect(within(panel).getAllByText("Body")).toHaveLength(5);
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("marks all read, with a way back on whatever page its reader goes to", async () => {
    const { user, server } = openApp("/", { prepare: notify(12) });
    await waitFor(() => expect(badge()).toBe("12"));
    const panel = await bellOf(user);
    await user.click(await markAllIn(panel));
    expect(await screen.findByText("12 marked as read")).toBeTruthy();
    expect(badge()).toBeUndefined();
    expect(within(panel).getByText("Nothing new")).toBeTruthy();
    expect(within(panel).queryByRole("button", { name: "Mark all read" })).toBeNull();
    expect(document.activeElement).toBe(panel);

    await user.click(within(panel).getByRole("link", { name: "Open inbox" }));
    await waitFor(() => expect(screen.getAllByTestId("inbox-row")).toHaveLength(12));
    expect(screen.queryByRole("button", { name: "Mark as read" })).toBeNull();
    await user.click(screen.getByRole("button", { name: "Undo" }));
    expect(badge()).toBe("12");
    expect(screen.getAllByRole("button", { name: "Mark as read" })).toHaveLength(12);
    fireEvent(window, new Event("pagehide"));
    expect(server.callsOf("notification.markAsRead")).toEqual([]);
  });

  it("marks all read for good when the site is left", async () => {
    const { user, server } = openApp("/", { prepare: notify(12) });
    await user.click(await markAllIn(await bellOf(user)));
    await screen.findByText("12 marked as read");
    expect(server.callsOf("notification.markAsRead")).toEqual([]);
    fireEvent(window, new Event("pagehide"));
    await waitFor(() => expect(server.callsOf("notification.markAsRead")).toEqual([{}]));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Undo" })).toBeNull());
  });

  it("marks all read although it was closed before it knew what is unread", async () => {
    const { user, server } = openApp("/", { prepare: notify(2) });
    const markAll = await markAllIn(await bellOf(user));
    const release = server.hold("notification.getNotifications");
    await user.click(markAll);
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    release();
    expect(await screen.findByText("2 marked as read")).toBeTruthy();
    expect(badge()).toBeUndefined();
    expect(document.activeElement).toBe(screen.getByTestId("bell-button"));
  });

  it("asks before it marks more than can be brought back", async () => {
    const { user, server } = openApp("/", { prepare: notify(201) });
    const panel = await bellOf(user);
    await user.click(await markAllIn(panel));
    const question = () => screen.findByRole("dialog", { name: "Mark all 201 as read?" });
    await user.click(within(await question()).getByRole("button", { name: "Cancel" }));
    expect(document.activeElement).toBe(await markAllIn(panel));
    expect(server.callsOf("notification.markAsRead")).toEqual([]);
    await user.click(await markAllIn(panel));
    await user.click(within(await question()).getByRole("button", { name: "Mark all read" }));
    await waitFor(() => expect(badge()).toBeUndefined());
    expect(server.callsOf("notification.markAsRead")).toEqual([{}]);
    await waitFor(() => expect(document.activeElement).toBe(panel));
    expect(screen.queryByRole("button", { name: "Undo" })).toBeNull();
  });

  it("shows the next ones when those before were just read", async () => {
    const { user } = openApp("/inbox", { prepare: notify(7) });
    for (let at = 0; at < 5; at++) await user.click((await screen.findAllByRole("button", { name: "Mark as read" }))[0] ?? document.body);
    const panel = await bellOf(user);
    expect((await within(panel).findAllByRole("listitem")).map((each) => /Notice \d/.exec(each.textContent)?.[0])).toEqual(["Notice 2", "Notice 1"]);
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

  it("tests mail, which goes to the account's address, and offers nothing to remove of it", async () => {
    const { server } = openApp("/settings", { prepare: (server) => void (server.mailOffered = true) });
    const mail = within((await screen.findByRole("heading", { name: "Email" })).closest("div.p-5") ?? document.body);
    expect(mail.getByText("Active")).toBeTruthy();
    expect(mail.getByRole("button", { name: "Send a test" })).toBeTruthy();
    expect(mail.queryByRole("button", { name: "Remove" })).toBeNull();
    expect(server.callsOf("notification.setUserDeliveryPreference")).toEqual([]);
  });

  it("keeps what was typed when saving fails", async () => {
    const { user, server } = openApp("/settings");
    server.fail("notification.setUserDeliveryPreference", new FakeError(400, "BAD_REQUEST", "Invalid", [{ path: ["userConfig", "url"], message: "This address may not be reached" }]));
    await user.type(await screen.findByLabelText("URL"), "http://127.0.0.1/");
    await user.click(screen.getByRole("button", { name: "Save" }));
    // Beside the field it is about, which has the focus.
    const refusal = await screen.findByText("This address may not be reached");
    const url = screen.getByLabelText("URL");
    expect(url).toHaveProperty("value", "http://127.0.0.1/");
    expect(url.getAttribute("aria-describedby")).toBe(refusal.id);
    await waitFor(() => expect(document.activeElement).toBe(url));
    server.fail("notification.setUserDeliveryPreference", new FakeError(500, "INTERNAL_SERVER_ERROR", "Failed"));
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect((await screen.findByText(/The server met an error/)).textContent).toMatch(/Reference/);
    expect(url.getAttribute("aria-invalid")).toBeNull();
  });

  it("forgets how a test ended once something else is saved", async () => {
    const { user, server } = openApp("/settings");
    await user.type(await screen.findByLabelText("URL"), "http://sink.test/hook");
    await user.click(screen.getByRole("button", { name: "Save" }));
    server.testAnswer = { success: false, error: "Status 500" };
    await user.click(await screen.findByRole("button", { name: "Send a test" }));
    expect(await screen.findByText("The test failed: Status 500")).toBeTruthy();
    await user.type(screen.getByLabelText("URL"), "2");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(screen.queryByText(/^The test failed/)).toBeNull());
  });

  it("still says how a test ended that took the channel down", async () => {
    const { user, server, person } = openApp("/settings", {
      prepare: (server, { id }) => {
        server.pushOffered = true;
        server.pushEndpoints.set(id, ["https://push.test/1"]);
      },
    });
    server.testAnswer = { success: false, error: "The receiver answered 410" };
    const release = server.hold("notification.sendTestNotification");
    const browser = within(await screen.findByRole("group", { name: "Browser" }));
    await user.click(browser.getByRole("button", { name: "Send a test" }));
    server.pushEndpoints.delete(person.id);
    release();
    expect(await browser.findByText("Needs set-up")).toBeTruthy();
    expect(browser.getByText("The test failed: The receiver answered 410")).toBeTruthy();
    expect(browser.queryByRole("button", { name: "Send a test" })).toBeNull();
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

  it("says when the groups of outside senders could not be fetched", async () => {
    const { user } = openApp("/settings", {
      prepare: (server) => {
        server.groups.push({ id: "ci.deploys", name: "Deployments", description: "What went out", ownerPlugin: "ci", createdAt: new Date() });
        server.fail("notification.getGroups", new FakeError(400, "BROKEN", "Broken"));
      },
    });
    expect(await screen.findByText("You are told about nothing yet")).toBeTruthy();
    await user.click(within(await screen.findByRole("alert")).getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("What went out")).toBeTruthy();
    expect(screen.queryByRole("alert")).toBeNull();
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

  it("sets up a channel from its schema, keeps its secret, and clears it after asking", async () => {
    const { user, server } = openApp("/administration");
    await user.click(await screen.findByLabelText("Settings of Telegram"));
    expect(screen.getByText("@BotFather")).toBeTruthy();
    await user.type(screen.getByLabelText("Bot token"), "12:ab");
    await user.type(screen.getByLabelText("API address"), "nowhere");
    await user.click(within(formOf("Bot token")).getByRole("button", { name: "Save" }));
    expect(screen.getByText(/begins with http/)).toBeTruthy();
    expect(server.callsOf("notification.updateDeliveryStrategy")).toEqual([]);
    await user.clear(screen.getByLabelText("API address"));
    await user.type(screen.getByLabelText("API address"), "http://bots.test");
    await user.click(within(formOf("Bot token")).getByRole("button", { name: "Save" }));
    expect(await screen.findByText("Telegram saved.")).toBeTruthy();
    expect(server.callsOf("notification.updateDeliveryStrategy")).toEqual([{ strategyId: "notification-telegram.telegram", enabled: false, config: { botToken: "12:ab", apiBaseUrl: "http://bots.test" } }]);
    expect(screen.getByLabelText("Bot token")).toHaveProperty("value", "");
    expect(await screen.findByText("Set. Leave empty to keep it.")).toBeTruthy();

    await user.clear(screen.getByLabelText("API address"));
    await user.click(within(formOf("Bot token")).getByRole("button", { name: "Save" }));
    await waitFor(() => expect(server.callsOf("notification.updateDeliveryStrategy").at(-1)).toEqual({ strategyId: "notification-telegram.telegram", enabled: false, config: { apiBaseUrl: null } }));

    await user.click(screen.getByRole("button", { name: "Remove Bot token" }));
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Remove Bot token" }));
    await waitFor(() => expect(screen.queryByText("Set. Leave empty to keep it.")).toBeNull());
    expect(server.callsOf("notification.updateDeliveryStrategy").at(-1)).toEqual({ strategyId: "notification-telegram.telegram", enabled: false, config: { botToken: null } });
  });

  const testOf = (strategy: string) => screen.findByRole("button", { name: `Send a test to yourself: ${strategy}` });
  const withTelegram = ({ delivery }: FakeServer) => {
    delivery.telegram.enabled = true;
    delivery.chatId = "7";
  };

  it("offers a test of what is switched on alone, and says how it ended until it is switched off", async () => {
    const { user, server } = openApp("/administration", { prepare: withTelegram });
    const release = server.hold("notification.sendTestNotification");
    const telegram = await testOf("Telegram");
    expect(telegram.textContent).toBe("Send a test to yourself");
    await user.click(telegram);
    expect(telegram.getAttribute("aria-busy")).toBe("true");
    await user.click(telegram);
    release();
    expect(await screen.findByText("The test was delivered.")).toBeTruthy();
    expect(server.callsOf("notification.sendTestNotification")).toEqual([{ strategyId: "notification-telegram.telegram" }]);

    await user.click(screen.getByRole("switch", { name: "Allow Telegram" }));
    expect(screen.queryByText("The test was delivered.")).toBeNull();
    expect(screen.queryByRole("button", { name: "Send a test to yourself: Telegram" })).toBeNull();
    expect(await testOf("Webhook")).toBeTruthy();
    await user.click(screen.getByRole("switch", { name: "Allow Telegram" }));
    await testOf("Telegram");
    expect(screen.queryByText("The test was delivered.")).toBeNull();
  });

  it("tests what is saved alone, and forgets how that ended once something else is", async () => {
    const { user, server } = openApp("/administration", { prepare: withTelegram });
    server.testAnswer = { success: false, error: "The receiver answered 401" };
    await user.click(await testOf("Telegram"));
    expect(await screen.findByText("The test failed: The receiver answered 401")).toBeTruthy();
    // His own address is not why.
    expect(screen.queryByRole("link", { name: /for yourself/ })).toBeNull();

    await user.click(await screen.findByLabelText("Settings of Telegram"));
    await user.type(screen.getByLabelText("Bot token"), "12:ab");
    const telegram = await testOf("Telegram");
    expect(telegram).toHaveProperty("disabled", true);
    const reason = screen.getByText("A test uses what is saved. Save first.");
    expect(telegram.getAttribute("aria-describedby")).toBe(reason.id);
    expect(await testOf("Webhook")).toHaveProperty("disabled", false);
    await user.click(within(formOf("Bot token")).getByRole("button", { name: "Save" }));
    await waitFor(() => expect(telegram).toHaveProperty("disabled", false));
    expect(screen.queryByText(/^The test failed/)).toBeNull();
    expect(telegram.getAttribute("aria-describedby")).toBeNull();

    await user.click(telegram);
    expect(await screen.findByText(/^The test failed/)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Remove Bot token" }));
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Remove Bot token" }));
    await waitFor(() => expect(screen.queryByText(/^The test failed/)).toBeNull());
  });

  it("leads to where its tester's own address is missing", async () => {
    const { user, at } = openApp("/administration");
    await user.click(await testOf("Webhook"));
    expect(await screen.findByText("The test failed: The user has not set the channel up")).toBeTruthy();
    await user.click(await screen.findByRole("link", { name: "Set up Webhook for yourself" }));
    const own = await screen.findByRole("group", { name: "Webhook" });
    expect(at()).toBe("/settings#notification-webhook.webhook");
    await waitFor(() => expect(document.activeElement).toBe(own));
    await user.type(within(own).getByLabelText("URL"), "http://sink.test/hook");
    await user.click(within(own).getByRole("button", { name: "Save" }));
    expect(await screen.findByText("Active")).toBeTruthy();
    await user.click(screen.getByRole("link", { name: "Administration" }));
    await user.click(await testOf("Webhook"));
    expect(await screen.findByText("The test was delivered.")).toBeTruthy();
  });

  it("looks for what is missing in its settings before it looks at its tester's", async () => {
    const { user } = openApp("/administration", {
      prepare: ({ delivery: { telegram } }) => {
        telegram.enabled = true;
        telegram.configSchema = { ...(telegram.configSchema as object), required: ["botToken"] };
      },
    });
    expect(await screen.findByText("It delivers nothing until its settings are complete.")).toBeTruthy();
    await user.click(await testOf("Telegram"));
    await user.click(await testOf("Webhook"));
    expect(await screen.findByRole("link", { name: "Set up Webhook for yourself" })).toBeTruthy();
    expect(screen.getAllByText(/^The test failed/)).toHaveLength(2);
    expect(screen.queryByRole("link", { name: "Set up Telegram for yourself" })).toBeNull();
  });

  it("says when a test could not even be asked for", async () => {
    const { user, server } = openApp("/administration");
    server.fail("notification.sendTestNotification", new FakeError(503, "SERVICE_UNAVAILABLE", "Busy"));
    await user.click(await testOf("Webhook"));
    expect((await screen.findByRole("alert")).textContent).toMatch(/busy/);
    expect(screen.queryByText(/^The test/)).toBeNull();
  });

  it("says beside which field a setting was refused", async () => {
    const { user, server } = openApp("/administration");
    await user.click(await screen.findByLabelText("Settings of Telegram"));
    server.fail("notification.updateDeliveryStrategy", new FakeError(400, "BAD_REQUEST", "Invalid", [{ path: ["config", "botToken"], message: "This is no token" }]));
    await user.type(screen.getByLabelText("Bot token"), "12");
    await user.click(within(screen.getByRole("form", { name: "Telegram" })).getByRole("button", { name: "Save" }));
    const refusal = await screen.findByText("This is no token");
    expect(screen.getByLabelText("Bot token").getAttribute("aria-describedby")).toBe(refusal.id);
    expect(screen.getByLabelText("Bot token")).toHaveProperty("value", "12");
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("asks before a retention that deletes more, and keeps what was typed when it is refused", async () => {
    const { user, server } = openApp("/administration");
    await user.click(await screen.findByLabelText("Delete old notifications"));
    await user.clear(screen.getByLabelText("Days"));
    await user.type(screen.getByLabelText("Days"), "0");
    const save = () => user.click(within(formOf("Days")).getByRole("button", { name: "Save" }));
    await save();
    expect(screen.queryByRole("dialog")).toBeNull();
    await user.clear(screen.getByLabelText("Days"));
    await user.type(screen.getByLabelText("Days"), "7");
    await save();
    expect(within(screen.getByRole("dialog")).getByText(/older than 7 days/)).toBeTruthy();
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Cancel" }));
    expect(server.callsOf("notification.setRetentionSettings")).toEqual([]);
    await save();
    server.fail("notification.setRetentionSettings", new FakeError(503, "SERVICE_UNAVAILABLE", "Busy"));
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Delete what is older" }));
    expect((await within(screen.getByRole("dialog")).findByRole("alert")).textContent).toMatch(/busy/);
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Delete what is older" }));
    expect(await screen.findByText("Retention saved.")).toBeTruthy();
    expect(server.delivery.retention).toEqual({ enabled: true, retentionDays: 7 });
    // What deletes less needs no question.
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await user.clear(screen.getByLabelText("Days"));
    await user.type(screen.getByLabelText("Days"), "8");
    await save();
    await waitFor(() => expect(server.delivery.retention).toEqual({ enabled: true, retentionDays: 8 }));
  });

  it("shows what failed for good with its tries, and sends it again after asking", async () => {
    const { user, server } = openApp("/administration", {
      prepare: ({ delivery }) => {
        delivery.die("the receiver answered 500", { userName: "Ben", attempts: 2 });
        delivery.die("the receiver answered 503", { userName: "Ada", attempts: 1 });
      },
    });
    const letters = () => screen.queryAllByTestId("dead-letter");
    await waitFor(() => expect(letters().map((each) => each.querySelector("h3")?.textContent)).toEqual(["Telegram for Ada", "Telegram for Ben"]));
    const ben = letters()[1] ?? document.body;
    await user.click(within(ben).getByRole("button", { name: /^Tries: / }));
    expect(within(await within(ben).findByRole("list", { name: "Tries" })).getAllByRole("listitem")).toHaveLength(2);
    await user.click(screen.getByRole("button", { name: "Send again: Telegram for Ben" }));
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Cancel" }));
    expect(server.callsOf("notification.replayDelivery")).toEqual([]);
    await user.click(screen.getByRole("button", { name: "Send again: Telegram for Ben" }));
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Send again" }));
    expect(await screen.findByText("It is on its way again.")).toBeTruthy();
    await waitFor(() => expect(letters()).toHaveLength(1));

    // Somebody else was quicker.
    await user.click(screen.getByRole("button", { name: "Send again: Telegram for Ada" }));
    server.delivery.deadLetters.length = 0;
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Send again" }));
    expect(await within(screen.getByRole("dialog")).findByRole("alert")).toBeTruthy();
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Cancel" }));
    expect(await screen.findByText("Nothing failed for good")).toBeTruthy();
  });

  it("pages through what failed for good", async () => {
    const { user, at } = openApp("/administration", {
      prepare: ({ delivery }) => {
        for (let n = 0; n < 21; n++) delivery.die("no", { attempts: 1 });
      },
    });
    await waitFor(() => expect(screen.queryAllByTestId("dead-letter")).toHaveLength(20));
    await user.click(screen.getByRole("button", { name: "Next" }));
    await waitFor(() => expect(screen.queryAllByTestId("dead-letter")).toHaveLength(1));
    expect(at()).toBe("/administration?page=2");
    // The only one of the last page is sent again.
    await user.click(screen.getByRole("button", { name: /^Send again: / }));
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Send again" }));
    await waitFor(() => expect(at()).toBe("/administration"));
  });

  it("is neither offered nor shown to others", async () => {
    const { server } = openApp("/administration", { rules: ["catalog.system.read"] });
    expect(await screen.findByText("This page is for administrators")).toBeTruthy();
    expect(screen.queryByRole("link", { name: "Administration" })).toBeNull();
    expect(server.callsOf("notification.getDeliveryStrategies")).toEqual([]);
  });
});
