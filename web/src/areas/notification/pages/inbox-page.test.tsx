import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
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
const row = (at: number) => rows()[at] ?? document.body;
const titles = () => rows().map((each) => within(each).getByRole("heading", { level: 2 }).textContent);
const markRead = (at: number) => within(row(at)).getByRole("button", { name: "Mark as read" });
const focusedRow = () => rows().findIndex((each) => each.contains(document.activeElement));
const undone = () => screen.getAllByRole("button", { name: "Undo" }).at(-1) ?? document.body;

/** The tab is closed, or the browser puts it away. */
const leave = () => fireEvent(window, new Event("pagehide"));

async function opened(count: number, path = "/inbox") {
  const app = openApp(path, { prepare: notify(count) });
  await waitFor(() => expect(rows().length).toBeGreaterThan(0));
  return app;
}

describe("the inbox", () => {
  it("pages, and begins anew with another filter", async () => {
    const { user, at } = await opened(23);
    expect(rows()).toHaveLength(20);
    expect(screen.getByText("1–20 of 23")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Next" }));
    await waitFor(() => expect(rows()).toHaveLength(3));
    expect(at()).toBe("/inbox?page=2");
    await user.click(screen.getByRole("radio", { name: "Unread" }));
    await waitFor(() => expect(at()).toBe("/inbox?show=unread"));
    await waitFor(() => expect(rows()).toHaveLength(20));
  });

  it("leads from a page beyond the last to the last", async () => {
    const { at } = openApp("/inbox?page=9&show=unread", { prepare: notify(21) });
    await waitFor(() => expect(at()).toBe("/inbox?show=unread&page=2"));
    await waitFor(() => expect(rows()).toHaveLength(1));
  });

  it("shows a long text in full once its row is opened", async () => {
    const { user } = openApp("/inbox", { prepare: (server, { id }) => server.notify(id, { title: "Long", body: `**First** ${"word ".repeat(100)}\n\n- last point` }) });
    const title = await screen.findByRole("button", { name: "Long" });
    expect(title.getAttribute("aria-expanded")).toBe("false");
    expect(screen.queryByText("last point")).toBeNull();
    await user.click(title);
    expect(title.getAttribute("aria-expanded")).toBe("true");
    expect(screen.getByText("last point").tagName).toBe("LI");
    await user.click(title);
    expect(screen.queryByText("last point")).toBeNull();
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

describe("cards", () => {
  const subjects = [
    { kind: "catalog.system", id: "1", name: "Shop", url: "/systems/1", status: "unhealthy" as const },
    { kind: "catalog.system", id: "2", name: "Depot" },
  ];
  const outage = (server: FakeServer, { id }: FakeUser) => {
    server.notify(id, { title: "Shop is degraded", collapseKey: "catalog.system.1", importance: "warning", isRead: true });
    server.notify(id, { title: "Deploy finished" });
    server.notify(id, { title: "Shop is unhealthy", collapseKey: "catalog.system.1", importance: "critical", subjects });
    server.notify(id, { title: "Shop has recovered", collapseKey: "catalog.system.1", subjects: [{ ...subjects[0], status: "healthy" } as (typeof subjects)[0]] });
  };

  it("fold what was told of one thing, the newest in sight, the others when it is opened", async () => {
    const { user } = openApp("/inbox", { prepare: outage });
    await waitFor(() => expect(titles()).toEqual(["Shop has recovered", "Deploy finished"]));
    const card = within(row(0));
    await user.click(card.getByRole("button", { name: "2 earlier" }));
    const earlier = within(card.getByRole("list", { name: "2 earlier" }));
    expect(earlier.getAllByRole("heading").map((each) => each.textContent)).toEqual(["Shop is unhealthy", "Shop is degraded"]);
    expect(earlier.getByText("Critical")).toBeTruthy();
    // The state of a subject is a word and a shape, and one without has none.
    expect(card.getAllByRole("list", { name: "About" }).map((each) => each.textContent)).toEqual(["HealthyShop", "UnhealthyShopDepot"]);
    expect(card.getAllByRole("link", { name: "Shop" })[0]?.getAttribute("href")).toBe("http://watchbell.test/systems/1");
    await user.click(card.getByRole("button", { name: "2 earlier" }));
    expect(screen.queryByText("Shop is degraded")).toBeNull();
  });

  it("show rows of other pages too once they are opened, but what was just deleted", async () => {
    const { user } = openApp("/inbox", {
      prepare: (server, person) => {
        server.notify(person.id, { title: "Shop was slow", collapseKey: "k" });
        notify(19)(server, person);
        server.notify(person.id, { title: "Shop is down", collapseKey: "k" });
      },
    });
    await user.click(await screen.findByRole("button", { name: "Shop is down" }));
    expect((await within(row(0)).findByRole("list", { name: "1 earlier" })).textContent).toMatch(/Shop was slow/);
    await user.click(screen.getByRole("button", { name: "Next" }));
    await waitFor(() => expect(titles()).toEqual(["Shop was slow"]));
    await user.click(within(row(0)).getByRole("button", { name: "Delete" }));
    await waitFor(() => expect(titles()).toHaveLength(20));
    await user.click(screen.getByRole("button", { name: "Shop is down" }));
    expect(within(row(0)).queryByRole("list", { name: "1 earlier" })).toBeNull();
    await user.keyboard("u");
    expect(await within(row(0)).findByRole("list", { name: "1 earlier" })).toBeTruthy();
  });

  it("are dealt with as a whole, and come back as a whole", async () => {
    const { user, server } = openApp("/inbox", { prepare: outage });
    await waitFor(() => expect(badge()).toBe("3"));
    await user.keyboard("je");
    expect(badge()).toBe("1");
    expect(screen.getByText("2 marked as read")).toBeTruthy();
    await user.keyboard("#");
    expect(titles()).toEqual(["Deploy finished"]);
    expect(screen.getByText("3 deleted")).toBeTruthy();
    await user.keyboard("u");
    expect(titles()).toEqual(["Shop has recovered", "Deploy finished"]);
    leave();
    await waitFor(() => expect(server.notifications.map(({ isRead }) => isRead)).toEqual([true, true, false, true]));
    expect(server.callsOf("notification.deleteNotification")).toEqual([]);
  });

  it("stay open and chosen when a newer row joins them", async () => {
    const { user, server, person } = openApp("/inbox", { prepare: outage });
    await waitFor(() => expect(server.openSockets).toBe(1));
    await waitFor(() => expect(titles()).toHaveLength(2));
    await user.keyboard("jx{Enter}");
    server.notify(person.id, { title: "Shop is unhealthy again", collapseKey: "catalog.system.1" });
    await waitFor(() => expect(titles()).toEqual(expect.arrayContaining(["Shop is unhealthy again"])));
    expect(screen.getByText("1 selected")).toBeTruthy();
    expect(within(row(0)).getByRole("list", { name: "3 earlier" })).toBeTruthy();
  });
});

describe("channels of a row", () => {
  it("say in words what became of it, for all rows in one call", async () => {
    const { user, server } = openApp("/inbox", {
      prepare: (server, person) => {
        notify(2)(server, person);
        const [second, first] = server.notifications;
        server.delivery.deliver(second?.id ?? "", "Webhook", "delivered");
        server.delivery.deliver(second?.id ?? "", "Mail", "dead", { attempts: 10, reason: "the mail server does not answer" });
        server.delivery.deliver(first?.id ?? "", "Slack", "refused", { attempts: 1, reason: "the channel is archived" });
      },
    });
    expect(await screen.findByText("Webhook: delivered")).toBeTruthy();
    expect(within(row(0)).getByText("Mail: failed")).toBeTruthy();
    expect(within(row(1)).getByText("Slack: refused")).toBeTruthy();
    expect(server.callsOf("notification.getNotificationDeliveries")).toEqual([{ notificationIds: server.notifications.map(({ id }) => id) }]);

    expect(screen.queryByText("the mail server does not answer")).toBeNull();
    await user.click(screen.getByRole("button", { name: "Notice 2" }));
    const channels = within(within(row(0)).getByRole("list", { name: "Channels" }));
    expect(channels.getByText(/10 tries/)).toBeTruthy();
    expect(channels.getByText("the mail server does not answer")).toBeTruthy();
    // An administrator is led to the tries.
    expect(within(row(0)).getByRole("link", { name: "All tries of this notification" }).getAttribute("href")).toBe(`/administration/attempts?notification=${String(server.notifications[0]?.id)}`);
  });

  it("follow a delivery while it is on its way", { timeout: 20_000 }, async () => {
    const { server } = openApp("/inbox", {
      prepare: (server, person) => {
        notify(1)(server, person);
        server.delivery.deliver(server.notifications[0]?.id ?? "", "Webhook", "pending", { attempts: 0 });
      },
    });
    expect(await screen.findByText("Webhook: not sent yet")).toBeTruthy();
    server.delivery.deliver(server.notifications[0]?.id ?? "", "Webhook", "delivered");
    expect(await screen.findByText("Webhook: delivered", {}, { timeout: 10_000 })).toBeTruthy();
  });

  it("say why one waits, but what is critical does not wait", async () => {
    const { user } = openApp("/inbox", {
      prepare: (server, person) => {
        notify(2)(server, person);
        const [second, first] = server.notifications;
        if (second) second.importance = "critical";
        for (const each of [first, second]) server.delivery.deliver(each?.id ?? "", "Webhook", "pending", { attempts: 0 });
        server.delivery.deliver(first?.id ?? "", "Mail", "pending", { attempts: 2, reason: "the mail server does not answer" });
        server.setTimes(person, { digestMinutes: 15, quietHours: { from: "00:00", to: "23:59", timeZone: "Europe/Atlantis" } });
      },
    });
    expect(await screen.findByText("Mail: on its way")).toBeTruthy();
    for (const name of ["Notice 1", "Notice 2"]) await user.click(screen.getByRole("button", { name }));
    expect(await within(row(1)).findByText("Collected, every 15 minutes")).toBeTruthy();
    expect(within(row(1)).getByText("the mail server does not answer")).toBeTruthy();
    expect(within(row(0)).getByText("Webhook: not sent yet")).toBeTruthy();
    expect(screen.getAllByText("Collected, every 15 minutes")).toHaveLength(1);
  });

  it("say that they could not be fetched", async () => {
    const { user } = openApp("/inbox", {
      prepare: (server, person) => {
        notify(1)(server, person);
        server.fail("notification.getNotificationDeliveries", new FakeError(400, "BROKEN", "Broken"));
      },
    });
    await user.click(await screen.findByRole("button", { name: "Notice 1" }));
    expect(await screen.findByText(/^What became of it on channels/)).toBeTruthy();
    expect(screen.queryByText("It went to your inbox alone.")).toBeNull();
  });

  it("are told to have been none, and to others than administrators without the way to the tries", async () => {
    const { user } = openApp("/inbox", { prepare: notify(1), rules: [] });
    await user.click(await screen.findByRole("button", { name: "Notice 1" }));
    expect(await screen.findByText("It went to your inbox alone.")).toBeTruthy();
    expect(screen.queryByRole("link", { name: "All tries of this notification" })).toBeNull();
  });
});

describe("undo", () => {
  it("takes a mark back that the server was never told of", async () => {
    const { user, server } = await opened(2);
    await user.click(markRead(0));
    expect(badge()).toBe("1");
    expect(document.title).toMatch(/^\(1\)/);
    expect(screen.getAllByRole("button", { name: "Mark as read" })).toHaveLength(1);
    expect(screen.getByText("Read: Notice 2")).toBeTruthy();
    await user.click(undone());
    expect(badge()).toBe("2");
    expect(screen.queryByText("Read: Notice 2")).toBeNull();
    expect(screen.getAllByRole("button", { name: "Mark as read" })).toHaveLength(2);
    leave();
    expect(server.callsOf("notification.markAsRead")).toEqual([]);
  });

  it("gives the focus back to where it was when the message goes", async () => {
    const { user } = await opened(2);
    within(row(1)).getByRole("button", { name: "Notice 1" }).focus();
    await user.keyboard("e");
    undone().focus();
    await user.keyboard("{Enter}");
    expect(document.activeElement).toBe(within(row(1)).getByRole("button", { name: "Notice 1" }));
    await user.keyboard("#");
    undone().focus();
    await user.keyboard("{Enter}");
    // What had it is gone, and with it its place.
    expect(document.activeElement).not.toBe(document.body);
  });

  it("takes a deletion back that the server was never told of", async () => {
    const { user, server } = await opened(3);
    await user.click(within(row(1)).getByRole("button", { name: "Delete" }));
    expect(titles()).toEqual(["Notice 3", "Notice 1"]);
    expect(badge()).toBe("2");
    await user.click(undone());
    expect(titles()).toEqual(["Notice 3", "Notice 2", "Notice 1"]);
    leave();
    expect(server.callsOf("notification.deleteNotification")).toEqual([]);
  });

  it("loses nothing when the tab is closed before the time is over", async () => {
    const { user, server } = await opened(3);
    await user.click(markRead(0));
    await user.click(within(row(1)).getByRole("button", { name: "Delete" }));
    expect(server.notifications.map(({ isRead }) => isRead)).toEqual([false, false, false]);
    leave();
    await waitFor(() => expect(server.notifications.map(({ title, isRead }) => [title, isRead])).toEqual([["Notice 3", true], ["Notice 1", false]]));
    // What the page shows stays so once the server's answer takes its place.
    await waitFor(() => expect(screen.queryByRole("button", { name: "Undo" })).toBeNull());
    expect(titles()).toEqual(["Notice 3", "Notice 1"]);
    expect(badge()).toBe("1");
  });

  it("leads back from another page too, and what waits is sent before the reader signs out", async () => {
    const { user, server } = await opened(2);
    await user.click(markRead(0));
    await user.click(screen.getByRole("link", { name: "Settings" }));
    await screen.findByRole("heading", { name: "Settings", level: 1 });
    expect(badge()).toBe("1");
    await user.click(undone());
    expect(badge()).toBe("2");
    expect(server.callsOf("notification.markAsRead")).toEqual([]);

    await user.click(screen.getByRole("link", { name: /^Inbox/ }));
    await waitFor(() => expect(rows()).toHaveLength(2));
    await user.click(within(row(0)).getByRole("button", { name: "Delete" }));
    await user.click(screen.getByRole("link", { name: "Settings" }));
    await user.click(screen.getByRole("link", { name: /^Inbox/ }));
    await waitFor(() => expect(titles()).toEqual(["Notice 1"]));
    const release = server.hold("notification.deleteNotification");
    await user.click(screen.getByRole("button", { name: /^Account:/ }));
    await user.click(await screen.findByRole("button", { name: "Sign out" }));
    await waitFor(() => expect(server.callsOf("notification.deleteNotification")).toHaveLength(1));
    release();
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeTruthy();
    expect(server.notifications.map(({ title }) => title)).toEqual(["Notice 1"]);
  });

  it("brings back what the server refuses, and says so", async () => {
    const { user, server } = await opened(2);
    await user.click(within(row(0)).getByRole("button", { name: "Delete" }));
    await user.click(markRead(0));
    server.fail("notification.deleteNotification", new FakeError(500, "INTERNAL_SERVER_ERROR", "Failed"));
    leave();
    expect(await screen.findByText("Deleting was undone: The server met an error.")).toBeTruthy();
    await waitFor(() => expect(titles()).toEqual(["Notice 2", "Notice 1"]));
    expect(badge()).toBe("1");
    expect(server.notifications.map(({ isRead }) => isRead)).toEqual([false, true]);
  });

  it("keeps what is shown when a notification arrives meanwhile", async () => {
    const { user, server, person } = await opened(2);
    await waitFor(() => expect(server.openSockets).toBe(1));
    await user.click(within(row(0)).getByRole("button", { name: "Delete" }));
    await user.click(markRead(0));
    server.notify(person.id, { title: "News" });
    await waitFor(() => expect(titles()).toEqual(["News", "Notice 1"]));
    await waitFor(() => expect(badge()).toBe("1"));
    // The bell does not offer what was just read or deleted.
    await user.click(screen.getByTestId("bell-button"));
    const panel = await screen.findByRole("dialog", { name: "Notifications" });
    expect((await within(panel).findAllByRole("listitem")).map((each) => /News|Notice \d/.exec(each.textContent)?.[0])).toEqual(["News"]);
  });

  it("leads back from a page whose last row went, and shows no empty one meanwhile", async () => {
    const { user, at, server } = await opened(21, "/inbox?page=2");
    await user.click(within(row(0)).getByRole("button", { name: "Delete" }));
    await waitFor(() => expect(at()).toBe("/inbox"));
    await waitFor(() => expect(rows()).toHaveLength(20));
    await user.click(screen.getByRole("checkbox", { name: "Select all on this page" }));
    await user.click(screen.getAllByRole("button", { name: "Mark as read" })[0] ?? document.body);
    leave();
    await waitFor(() => expect(server.notifications).toHaveLength(20));
    await waitFor(() => expect(server.notifications.every((each) => each.isRead)).toBe(true));
  });

  it("says what becomes of a page whose rows all went", async () => {
    const { user } = await opened(22);
    await user.click(screen.getByRole("checkbox", { name: "Select all on this page" }));
    expect(screen.getByText("20 selected")).toBeTruthy();
    await user.click(screen.getAllByRole("button", { name: "Delete" })[0] ?? document.body);
    expect(rows()).toHaveLength(0);
    expect(screen.getByText(/You are done with this page/)).toBeTruthy();
    expect(screen.getByText("20 deleted")).toBeTruthy();
    leave();
    await waitFor(() => expect(titles()).toEqual(["Notice 2", "Notice 1"]));
  });
});

describe("mark all read", () => {
  const markAll = () => screen.getByRole("button", { name: "Mark all read" });
  const unread = (server: FakeServer) => server.notifications.filter(({ isRead }) => !isRead).length;

  it("takes rows of other pages along, and brings all of them back", async () => {
    const { user, server } = await opened(123, "/inbox?show=unread");
    await user.click(within(row(0)).getByRole("button", { name: "Mark as read" }));
    await user.click(markAll());
    expect(await screen.findByText("All read")).toBeTruthy();
    expect(screen.getByText("122 marked as read")).toBeTruthy();
    expect(badge()).toBeUndefined();
    expect(document.activeElement).toBe(screen.getByRole("main"));
    expect(server.callsOf("notification.getNotifications").slice(-2)).toEqual([0, 100].map((offset) => ({ limit: 100, offset, unreadOnly: true })));

    await user.click(undone());
    expect(screen.getByText("122 are unread again")).toBeTruthy();
    expect(badge()).toBe("99+");
    expect(screen.getByText("1–20 of 122")).toBeTruthy();
    await user.keyboard("u");
    expect(screen.getByText("Unread again: Notice 123")).toBeTruthy();
    leave();
    expect(server.callsOf("notification.markAsRead")).toEqual([]);
    expect(unread(server)).toBe(123);
  });

  it("is told in one call when nothing arrived meanwhile, once its time is over or the tab is closed", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
    try {
      const { user, server, person } = await opened(23);
      await user.click(markAll());
      await screen.findByText("23 marked as read");
      expect(unread(server)).toBe(23);
      await vi.advanceTimersByTimeAsync(8_000);
      await waitFor(() => expect(server.callsOf("notification.markAsRead")).toEqual([{}]));
      expect(unread(server)).toBe(0);

      await waitFor(() => expect(server.openSockets).toBe(1));
      notify(12)(server, person);
      await waitFor(() => expect(badge()).toBe("12"));
      await user.click(markAll());
      await screen.findByText("12 marked as read");
      leave();
      await waitFor(() => expect(server.callsOf("notification.markAsRead")).toEqual([{}, {}]));
      expect(badge()).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  it("leaves unread what arrived meanwhile, known to the page or not", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
    try {
      const { user, server, person } = await opened(23);
      await waitFor(() => expect(server.openSockets).toBe(1));
      await user.click(markAll());
      await screen.findByText("23 marked as read");
      server.notify(person.id, { title: "News" });
      await waitFor(() => expect(badge()).toBe("1"));
      leave();
      await waitFor(() => expect(unread(server)).toBe(1));
      await waitFor(() => expect(screen.queryByRole("button", { name: "Undo" })).toBeNull());

      notify(22)(server, person);
      await waitFor(() => expect(badge()).toBe("23"));
      await user.click(markAll());
      await screen.findAllByText("23 marked as read");
      server.dropSockets(1006);
      server.notify(person.id, { title: "More news" });
      await vi.advanceTimersByTimeAsync(8_000);
      await waitFor(() => expect(server.notifications.filter(({ isRead }) => !isRead).map(({ title }) => title)).toEqual(["More news"]));
      expect(server.callsOf("notification.markAsRead")).not.toContainEqual({});
    } finally {
      vi.useRealTimers();
    }
  });

  it("asks first when they are too many to bring back", async () => {
    const { user, server } = await opened(201);
    await user.click(markAll());
    const question = within(await screen.findByRole("dialog", { name: "Mark all 201 as read?" }));
    expect(question.getByText(/^This cannot be undone/)).toBeTruthy();
    await user.click(question.getByRole("button", { name: "Cancel" }));
    expect(document.activeElement).toBe(markAll());
    expect(server.callsOf("notification.markAsRead")).toEqual([]);

    await user.click(markAll());
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Mark all read" }));
    await waitFor(() => expect(server.callsOf("notification.markAsRead")).toEqual([{}]));
    await waitFor(() => expect(badge()).toBeUndefined());
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole("main")));
    expect(screen.queryByRole("button", { name: "Undo" })).toBeNull();
  });

  it("says when it cannot learn what is unread", async () => {
    const { user, server } = await opened(2);
    server.fail("notification.getNotifications", new FakeError(500, "INTERNAL_SERVER_ERROR", "Failed"));
    await user.click(markAll());
    expect(await screen.findByText("Marking as read was undone: The server met an error.")).toBeTruthy();
    expect(badge()).toBe("2");
  });
});

describe("the search", () => {
  const field = () => screen.getByRole("searchbox", { name: "Search notifications" });
  const asked = (server: FakeServer) => server.callsOf("notification.getNotifications").flatMap((input) => (input as { search?: string }).search ?? []);
  const mixed = (server: FakeServer, { id }: FakeUser) => {
    server.notify(id, { title: "Shop is down", body: "The disk is full" });
    server.notify(id, { title: "Depot has recovered" });
    server.notify(id, { title: "DISK of the shop replaced", isRead: true });
  };
  const openedMixed = async (path = "/inbox") => {
    const app = openApp(path, { prepare: mixed });
    await waitFor(() => expect(rows().length).toBeGreaterThan(0));
    return app;
  };

  it("narrows titles and texts after a pause, and begins at the first page", async () => {
    const { user, server, at } = await opened(23, "/inbox?page=2");
    await user.keyboard("/");
    expect(document.activeElement).toBe(field());
    await user.keyboard("notice 1 ");
    await waitFor(() => expect(at()).toBe("/inbox?find=notice+1"));
    await waitFor(() => expect(titles()[0]).toBe("Notice 19"));
    expect(rows()).toHaveLength(11);
    expect(screen.getByText("11 found")).toBeTruthy();
    // What is typed is left as it is, and only the last of it was asked for.
    expect(field()).toHaveProperty("value", "notice 1 ");
    expect(asked(server)).toEqual(["notice 1"]);
  });

  it("stands in the address, for another visit and for the way back and forth", async () => {
    const { user, at, go } = await openedMixed("/inbox?show=unread&find=disk");
    expect(field()).toHaveProperty("value", "disk");
    expect(titles()).toEqual(["Shop is down"]);
    await user.click(screen.getByRole("radio", { name: "All" }));
    await waitFor(() => expect(titles()).toEqual(["DISK of the shop replaced", "Shop is down"]));
    expect(at()).toBe("/inbox?find=disk");
    await user.type(field(), " of");
    await waitFor(() => expect(titles()).toEqual(["DISK of the shop replaced"]));
    await user.clear(field());
    await waitFor(() => expect(titles()).toHaveLength(3));
    expect(at()).toBe("/inbox");

    // A refined search is one step.
    go(-1);
    await waitFor(() => expect(at()).toBe("/inbox?find=disk+of"));
    await waitFor(() => expect(field()).toHaveProperty("value", "disk of"));
    await waitFor(() => expect(titles()).toHaveLength(1));
    go(-1);
    await waitFor(() => expect(at()).toBe("/inbox?show=unread&find=disk"));
    await waitFor(() => expect(field()).toHaveProperty("value", "disk"));
    go(2);
    await waitFor(() => expect(field()).toHaveProperty("value", ""));
    await waitFor(() => expect(titles()).toHaveLength(3));
  });

  it.each([
    ["42", "42"],
    [`%20${"x".repeat(99)}%F0%9F%94%94`, "x".repeat(99)],
    ["%20", undefined],
  ])("takes of an address what the server takes: %s", async (given, wanted) => {
    const { server } = openApp(`/inbox?find=${given}`, { prepare: mixed });
    await waitFor(() => expect(server.callsOf("notification.getNotifications")).toContainEqual({ limit: 20, offset: 0, unreadOnly: false, ...(wanted === undefined ? {} : { search: wanted }) }));
    expect(field()).toHaveProperty("value", wanted ?? "");
  });

  it("leads on to what was found by Enter, where the keys work on", async () => {
    const { user, server } = await openedMixed();
    await user.type(field(), "disk{Enter}");
    await waitFor(() => expect(titles()).toEqual(["DISK of the shop replaced", "Shop is down"]));
    expect(document.activeElement).not.toBe(field());
    expect(badge()).toBe("2");
    await user.keyboard("jjkj");
    expect(document.activeElement?.textContent).toBe("Shop is down");
    await user.keyboard("xe");
    expect(badge()).toBe("1");
    await user.keyboard("#");
    expect(titles()).toEqual(["DISK of the shop replaced"]);
    expect(screen.getByText("1 found")).toBeTruthy();
    await user.keyboard("uu");
    expect(titles()).toHaveLength(2);
    expect(screen.getByText("2 found")).toBeTruthy();
    expect(badge()).toBe("2");
    leave();
    expect(server.callsOf("notification.deleteNotification")).toEqual([]);
  });

  it("takes every key for a letter, and Escape clears and leaves it", async () => {
    const { user, at, server } = await openedMixed();
    await user.keyboard("j/");
    await user.keyboard("jkexu#?/");
    expect(field()).toHaveProperty("value", "jkexu#?/");
    expect(await screen.findByText("No notification has “jkexu#?/”")).toBeTruthy();
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(badge()).toBe("2");
    await user.keyboard("{Escape}");
    await waitFor(() => expect(at()).toBe("/inbox"));
    expect(field()).toHaveProperty("value", "");
    expect(document.activeElement).not.toBe(field());
    await waitFor(() => expect(titles()).toHaveLength(3));
    await user.keyboard("j");
    expect(focusedRow()).toBe(0);
    expect(server.callsOf("notification.markAsRead")).toEqual([]);
  });

  it("says what was searched when nothing was found, and leads on", async () => {
    const { user, at } = await openedMixed("/inbox?show=unread");
    await user.type(field(), "replaced");
    expect(await screen.findByText("No unread notification has “replaced”")).toBeTruthy();
    expect(screen.getByText("0 found")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Search read ones too" }));
    await waitFor(() => expect(titles()).toEqual(["DISK of the shop replaced"]));
    expect(at()).toBe("/inbox?find=replaced");
    await user.type(field(), " thrice");
    await screen.findByText("No notification has “replaced thrice”");
    await user.click(screen.getAllByRole("button", { name: "Clear search" }).at(-1) ?? document.body);
    await waitFor(() => expect(titles()).toHaveLength(3));
    expect(document.activeElement).toBe(field());
    await user.keyboard("depot");
    await waitFor(() => expect(titles()).toEqual(["Depot has recovered"]));
    await user.click(screen.getByRole("button", { name: "Clear search" }));
    expect(document.activeElement).toBe(field());
    await waitFor(() => expect(titles()).toHaveLength(3));
  });

  it("offers to mark all as read only where all are shown", async () => {
    const { user } = await openedMixed();
    expect(screen.getByRole("button", { name: "Mark all read" })).toBeTruthy();
    await user.type(field(), "disk");
    await screen.findByText("2 found");
    expect(screen.queryByRole("button", { name: "Mark all read" })).toBeNull();
    await user.clear(field());
    expect(await screen.findByRole("button", { name: "Mark all read" })).toBeTruthy();
  });

  it("claims nothing before the server has answered, and says when it cannot", async () => {
    const { user, server } = await openedMixed();
    await user.type(field(), "nowhere");
    await screen.findByText("No notification has “nowhere”");
    const release = server.hold("notification.getNotifications");
    await user.clear(field());
    await user.type(field(), "disk");
    expect(await screen.findByText("Searching")).toBeTruthy();
    expect(screen.queryByText(/^No notification has/)).toBeNull();
    release();
    await screen.findByText("2 found");
    server.fail("notification.getNotifications", new FakeError(400, "BROKEN", "Broken"));
    await user.type(field(), "s");
    expect(await screen.findByText("This could not be loaded")).toBeTruthy();
    expect(screen.queryByText("Searching")).toBeNull();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("No notification has “disks”")).toBeTruthy();
  });
});

describe("keys", () => {
  it("walk, select, mark and undo", async () => {
    const { user, server } = await opened(3);
    await user.keyboard("j");
    expect(document.activeElement?.textContent).toBe("Notice 3");
    await user.keyboard("jjjj");
    expect(document.activeElement?.textContent).toBe("Notice 1");
    await user.keyboard("k");
    expect(document.activeElement?.textContent).toBe("Notice 2");
    await user.keyboard("e");
    expect(badge()).toBe("2");
    expect(document.activeElement?.textContent).toBe("Notice 2");
    await user.keyboard("u");
    expect(badge()).toBe("3");

    await user.keyboard("xjx");
    expect(screen.getByText("2 selected")).toBeTruthy();
    await user.keyboard("e");
    expect(badge()).toBe("1");
    expect(screen.getByText("2 marked as read")).toBeTruthy();
    expect(screen.queryByText("2 selected")).toBeNull();
    await user.keyboard("#");
    expect(titles()).toEqual(["Notice 3", "Notice 2"]);
    // Each press takes one step back, the last one first.
    await user.keyboard("u");
    expect(titles()).toEqual(["Notice 3", "Notice 2", "Notice 1"]);
    expect(badge()).toBe("1");
    await user.keyboard("uu");
    expect(badge()).toBe("3");
    expect(screen.getByText("There is nothing to undo.")).toBeTruthy();
    await user.keyboard("{Enter}");
    expect(server.callsOf("notification.markAsRead")).toEqual([]);
  });

  it("open a row, and lead to the page's search instead of that of the systems", async () => {
    const { user, at } = await opened(2);
    await user.keyboard("j{Enter}");
    expect(document.activeElement?.getAttribute("aria-expanded")).toBe("true");
    await user.keyboard("/");
    expect(document.activeElement).toBe(screen.getByRole("searchbox", { name: "Search notifications" }));
    await user.click(screen.getByRole("radio", { name: "Unread" }));
    await waitFor(() => expect(at()).toBe("/inbox?show=unread"));
    await waitFor(() => expect(rows()).toHaveLength(2));
    await user.keyboard("j");
    expect(focusedRow()).toBe(0);
  });

  it("are left alone while something is typed, with modifiers and over dialogs", async () => {
    const { user, server } = await opened(2);
    await user.keyboard("j");
    await user.keyboard("{Control>}e{/Control}{Alt>}e{/Alt}{Meta>}j{/Meta}");
    expect(badge()).toBe("2");
    expect(focusedRow()).toBe(0);

    await user.keyboard("?");
    const help = screen.getByRole("dialog", { name: "Keys" });
    expect(within(help).getByText("Undo the last step")).toBeTruthy();
    expect(within(help).getByText(/^Search;/).previousElementSibling?.textContent).toBe("/");
    await user.keyboard("ej");
    expect(badge()).toBe("2");
    await user.click(within(help).getByRole("button", { name: "Close" }));

    await user.click(screen.getByTestId("bell-button"));
    within(await screen.findByRole("dialog", { name: "Notifications" })).getByRole("link", { name: "Open inbox" }).focus();
    await user.keyboard("j");
    expect(focusedRow()).toBe(-1);
    await user.keyboard("{Escape}");

    await user.type(screen.getByRole("searchbox", { name: "Find a system" }), "jeux");
    expect(badge()).toBe("2");
    expect(server.callsOf("notification.markAsRead")).toEqual([]);
  });

  it("are turned off for this browser by who wants that", async () => {
    const { user } = await opened(2);
    await user.click(screen.getByRole("button", { name: /^Keys/ }));
    await user.click(screen.getByRole("switch", { name: "Use these keys" }));
    await user.click(within(screen.getByRole("dialog", { name: "Keys" })).getByRole("button", { name: "Close" }));
    await user.keyboard("j?");
    expect(focusedRow()).toBe(-1);
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(localStorage.getItem("watchbell.keys")).toBe("off");
    await user.click(screen.getByRole("button", { name: /^Keys/ }));
    await user.click(screen.getByRole("switch", { name: "Use these keys" }));
    await user.click(within(screen.getByRole("dialog", { name: "Keys" })).getByRole("button", { name: "Close" }));
    expect(localStorage.getItem("watchbell.keys")).toBeNull();
    await user.keyboard("j");
    expect(focusedRow()).toBe(0);
  });

  it("keep the place of who reads by them", async () => {
    const { user } = await opened(3, "/inbox?show=unread");
    markRead(1).focus();
    await user.keyboard("{Enter}");
    // The row is gone, and the same control of the one that follows has the focus.
    expect(titles()).toEqual(["Notice 3", "Notice 1"]);
    expect(document.activeElement).toBe(markRead(1));
    await user.keyboard("k");
    await user.keyboard("e");
    expect(titles()).toEqual(["Notice 1"]);
    expect(document.activeElement?.textContent).toBe("Notice 1");
    await user.click(screen.getByRole("button", { name: "Mark all read" }));
    expect(await screen.findByText("All read")).toBeTruthy();
    expect(document.activeElement).toBe(screen.getByRole("main"));
  });
});
