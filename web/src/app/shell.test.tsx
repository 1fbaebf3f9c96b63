import { screen, waitFor, within } from "@testing-library/react";
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

  it("offers of the administration what its reader may open, and marks where they are", async () => {
    const { user, at } = openApp("/", { rules: ["catalog.system.read", "auth.roles.read", "auth.audit.read"] });
    await user.click(await screen.findByRole("link", { name: "Administration" }));
    await screen.findByRole("heading", { name: "Roles", level: 1 });
    expect(at()).toBe("/administration/roles");
    const parts = screen.getByRole("navigation", { name: "Parts of the administration" });
    expect(within(parts).getAllByRole("link").map((each) => each.textContent)).toEqual(["Roles", "Audit log"]);
    await user.click(within(parts).getByRole("link", { name: "Audit log" }));
    await screen.findByRole("heading", { name: "Audit log", level: 1 });
    expect(within(parts).getByRole("link", { name: "Audit log" }).getAttribute("aria-current")).toBe("page");
    expect(within(parts).getByRole("link", { name: "Roles" }).getAttribute("aria-current")).toBeNull();
    expect(screen.getByRole("link", { name: "Administration" }).getAttribute("aria-current")).toBe("page");
  });

  it("leads from the account menu to the account", async () => {
    const { user, at } = openApp("/");
    await user.click(await screen.findByRole("button", { name: "Account: Ada Admin" }));
    await user.click(await screen.findByRole("link", { name: "Your account" }));
    expect(await screen.findByRole("heading", { name: "Account", level: 1 })).toBeTruthy();
    expect(at()).toBe("/settings/account");
  });

  it("knows the addresses of the wire contract's other web app", async () => {
    const { at } = openApp("/auth/profile");
    expect(await screen.findByRole("heading", { name: "Account", level: 1 })).toBeTruthy();
    expect(at()).toBe("/settings/account");
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
