import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBrowser } from "../../../../test/fake-browser";
import { FakeError } from "../../../../test/fake/fake-server";
import { openApp, openVisiting } from "../../../../test/open-app";

describe("onboarding", () => {
  it("leads a fresh server's first visitor to the account form, and on into the app", async () => {
    const { user, server, at } = openVisiting("/");
    await user.type(await screen.findByLabelText("Name"), "Ada");
    await user.type(screen.getByLabelText("Email"), "ada@example.com");
    await user.type(screen.getByLabelText("Password"), "Secret123");
    await user.click(screen.getByRole("button", { name: "Create administrator" }));

    expect(await screen.findByText("Watch your first system")).toBeTruthy();
    expect(server.callsOf("auth.completeOnboarding")).toEqual([{ name: "Ada", email: "ada@example.com", password: "Secret123" }]);
    expect(at()).toBe("/");
  });

  it("says what is wrong before it asks the server, and goes to the first mistake", async () => {
    const { user, server } = openVisiting("/onboarding");
    await user.type(await screen.findByLabelText("Name"), "Ada");
    await user.type(screen.getByLabelText("Email"), "ada");
    await user.type(screen.getByLabelText("Password"), "secret123");
    await user.click(screen.getByRole("button", { name: "Create administrator" }));

    expect(screen.getByText("Enter an email address.")).toBeTruthy();
    expect(screen.getByText(/Use 8 to 128 characters/)).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText("Email")));
    expect(server.callsOf("auth.completeOnboarding")).toEqual([]);
  });

  it("asks for the setup token when the server does, and says when it is wrong", async () => {
    FakeBrowser.get().server.setupToken = "right";
    const { user } = openVisiting("/");
    await user.type(await screen.findByLabelText("Setup token"), "wrong");
    await user.type(screen.getByLabelText("Name"), "Ada");
    await user.type(screen.getByLabelText("Email"), "ada@example.com");
    await user.type(screen.getByLabelText("Password"), "Secret123");
    await user.click(screen.getByRole("button", { name: "Create administrator" }));
    expect(await screen.findByText(/not the one the server printed/)).toBeTruthy();
    expect(screen.getByLabelText("Name")).toHaveProperty("value", "Ada");

    await user.clear(screen.getByLabelText("Setup token"));
    await user.type(screen.getByLabelText("Setup token"), "right");
    await user.click(screen.getByRole("button", { name: "Create administrator" }));
    expect(await screen.findByText("Watch your first system")).toBeTruthy();
  });

  it("leads to the sign-in when only that failed", async () => {
    const { user, server, at } = openVisiting("/");
    server.fail("auth/sign-in/email", new FakeError(503, "SERVICE_UNAVAILABLE", "Busy"));
    await user.type(await screen.findByLabelText("Name"), "Ada");
    await user.type(screen.getByLabelText("Email"), "ada@example.com");
    await user.type(screen.getByLabelText("Password"), "Secret123");
    await user.click(screen.getByRole("button", { name: "Create administrator" }));
    expect(await screen.findByRole("button", { name: "Sign in" })).toBeTruthy();
    expect(at()).toBe("/sign-in");
  });
});

describe("sign-in", () => {
  it("leads back to where it was asked for", async () => {
    FakeBrowser.get().server.addUser();
    const { user, at } = openVisiting("/inbox?show=unread");
    await user.type(await screen.findByLabelText("Email"), "ada@example.com");
    await user.type(screen.getByLabelText("Password"), "Secret123");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByRole("heading", { name: "Inbox" })).toBeTruthy();
    expect(at()).toBe("/inbox?show=unread");
  });

  it("leads nowhere outside", async () => {
    openApp("/sign-in?redirect=%2F%2Fevil.test");
    expect(await screen.findByRole("heading", { name: "Systems" })).toBeTruthy();
  });

  it("keeps what was typed when it is wrong", async () => {
    FakeBrowser.get().server.addUser();
    const { user } = openVisiting("/sign-in");
    await user.type(await screen.findByLabelText("Email"), "ada@example.com");
    await user.type(screen.getByLabelText("Password"), "nonsense");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect((await screen.findByRole("alert")).textContent).toBe("Email or password is wrong.");
    expect(screen.getByLabelText("Email")).toHaveProperty("value", "ada@example.com");
    expect(screen.getByLabelText("Password")).toHaveProperty("value", "nonsense");
  });

  it("names the reference of a failure", async () => {
    const { server } = FakeBrowser.get();
    server.addUser();
    server.fail("auth/sign-in/email", new FakeError(503, "SERVICE_UNAVAILABLE", "Queue full"));
    const { user } = openVisiting("/sign-in");
    await user.type(await screen.findByLabelText("Email"), "ada@example.com");
    await user.type(screen.getByLabelText("Password"), "Secret123");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toMatch(/busy.*Reference fake-\d+/);
  });
});

describe("session", () => {
  it("ends with the sign-out, and takes what was read with it", async () => {
    const { user, at, browser } = openApp("/");
    await user.click(await screen.findByRole("button", { name: "Account: Ada Admin" }));
    await user.click(await screen.findByRole("button", { name: "Sign out" }));
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeTruthy();
    expect(at()).toBe("/sign-in");
    expect(browser.token).toBeUndefined();
    await waitFor(() => expect(browser.server.openSockets).toBe(0));
  });

  it("that ends elsewhere leads to the sign-in", async () => {
    const { server } = openApp("/settings");
    await screen.findByRole("heading", { name: "Settings" });
    await waitFor(() => expect(server.openSockets).toBe(1));
    server.endSessions();
    expect(await screen.findByRole("heading", { name: "Sign in" })).toBeTruthy();
  });

  it("offers another try when the server does not answer", async () => {
    for (let call = 0; call < 2; call++) FakeBrowser.get().server.fail("auth/get-session", new FakeError(400, "BROKEN", "No"));
    const { user } = openApp("/");
    await user.click(await screen.findByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("heading", { name: "Systems" })).toBeTruthy();
  });
});
