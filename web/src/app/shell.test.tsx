import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { openApp } from "../../test/open-app";
import { staleAfter } from "./live";

describe("the shell", () => {
  it("marks the page it is on, and has a way past the bars", async () => {
    openApp("/inbox");
    await waitFor(() => expect(screen.getByRole("link", { name: "Inbox" }).getAttribute("aria-current")).toBe("page"));
    expect(screen.getByRole("link", { name: "Skip to content" }).getAttribute("href")).toBe("#content");
  });

  it("leads to the search with /, but not while typing", async () => {
    const { user } = openApp("/settings");
    const url = await screen.findByLabelText("URL");
    await user.type(url, "a/b");
    expect(url).toHaveProperty("value", "a/b");
    url.blur();
    await user.keyboard("/");
    expect(document.activeElement).toBe(screen.getByRole("searchbox", { name: "Find a system" }));
  });

  it("says when live updates are interrupted", async () => {
    const { server, browser } = openApp("/");
    await waitFor(() => expect(server.openSockets).toBe(1));
    browser.offline = true;
    server.dropSockets(1006);
    expect(await screen.findByText("Reconnecting.")).toBeTruthy();
    browser.offline = false;
    await waitFor(() => expect(screen.queryByText("Reconnecting.")).toBeNull(), { timeout: 8000 });
  });

  it("begins each page at its content, and lets who searches go on typing", async () => {
    const { user } = openApp("/inbox");
    await user.click(await screen.findByRole("link", { name: "Settings" }));
    await screen.findByRole("heading", { name: "Settings", level: 1 });
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole("main")));
    await user.type(screen.getByRole("searchbox", { name: "Find a system" }), "shop");
    await screen.findByRole("heading", { name: "Systems", level: 1 });
    expect(document.activeElement).toBe(screen.getByRole("searchbox", { name: "Find a system" }));
    expect(document.activeElement).toHaveProperty("value", "shop");
  });

  it("has a page for addresses that lead nowhere", async () => {
    openApp("/no/such/page");
    expect(await screen.findByRole("heading", { name: "Nothing is here" })).toBeTruthy();
  });
});

describe("signals", () => {
  it("make stale what their area's table names, and the whole area when it names nothing", () => {
    expect(staleAfter({ id: "notification.read", area: "notification", payload: {} })).toEqual([
      ["notification", "getUnreadCount"],
      ["notification", "getNotifications"],
    ]);
    expect(staleAfter({ id: "healthcheck.run.completed", area: "healthcheck", payload: { systemId: "s" } })).toContainEqual(["healthcheck", "getHistory", { systemId: "s" }]);
    expect(staleAfter({ id: "catalog.news", area: "catalog", payload: {} })).toEqual([["catalog"]]);
  });
});
