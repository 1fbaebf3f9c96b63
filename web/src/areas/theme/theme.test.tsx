import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeError } from "../../../test/fake/fake-server";
import { openApp } from "../../../test/open-app";

const look = () => document.documentElement.dataset["theme"];

describe("the theme", () => {
  it("is shown at once and kept with the account", async () => {
    const { user, server, browser } = openApp("/settings");
    await user.click(await screen.findByRole("radio", { name: "Dark" }));
    expect(look()).toBe("dark");
    await waitFor(() => expect(server.callsOf("theme.setTheme")).toEqual([{ theme: "dark" }]));
    const { response } = await server.handle("POST", "/api/theme/getTheme", "{}", browser.token);
    expect(await response.json()).toEqual({ json: { theme: "dark" } });
  });

  it("follows its reader to another browser", async () => {
    const { server, browser } = openApp("/inbox", { prepare: (each, { id }) => each.setTheme(id, "light") });
    await waitFor(() => expect(look()).toBe("light"));
    expect(localStorage.getItem("watchbell.theme")).toBe("light");
    expect(browser.server).toBe(server);
  });

  it("is taken back when it cannot be kept", async () => {
    const { user, server } = openApp("/settings", { prepare: (each, { id }) => each.setTheme(id, "light") });
    await waitFor(() => expect(look()).toBe("light"));
    server.fail("theme.setTheme", new FakeError(400, "BROKEN", "Broken"));
    await user.click(await screen.findByRole("radio", { name: "Dark" }));
    expect(await screen.findByText(/Appearance was undone/)).toBeTruthy();
    await waitFor(() => expect(look()).toBe("light"));
    expect(screen.getByRole("radio", { name: "Light" })).toHaveProperty("checked", true);
  });
});
