import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBrowser } from "../../../../test/fake-browser";
import { CODE, RECOVERY_CODE } from "../../../../test/fake/fake-accounts";
import { FakeError } from "../../../../test/fake/fake-server";
import { openApp, openVisiting } from "../../../../test/open-app";

describe("the account", () => {
  it("changes its name without a password, and its address with it", async () => {
    const { user, person, server } = openApp("/settings/account");
    const profile = within(await screen.findByRole("region", { name: "Profile" }));
    await user.type(await profile.findByLabelText("Name"), " Lovelace");
    await user.click(profile.getByRole("button", { name: "Save" }));
    expect(await screen.findByText("Saved.")).toBeTruthy();
    expect(server.callsOf("auth.updateCurrentUser")).toEqual([{ name: "Ada Admin Lovelace" }]);
    await waitFor(() => expect(screen.getByRole("button", { name: "Account: Ada Admin Lovelace" })).toBeTruthy());

    expect(profile.queryByLabelText("Current password")).toBeNull();
    const email = profile.getByLabelText("Email");
    await user.clear(email);
    await user.type(email, "lovelace@example.com");
    await user.type(profile.getByLabelText("Current password"), "nonsense");
    await user.click(profile.getByRole("button", { name: "Save" }));
    expect(await profile.findByText("This is not your password")).toBeTruthy();
    await user.clear(profile.getByLabelText("Current password"));
    await user.type(profile.getByLabelText("Current password"), person.password);
    await user.click(profile.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(person.email).toBe("lovelace@example.com"));
  });

  it("says at the address when it is taken", async () => {
    const { user } = openApp("/settings/account", { prepare: (server) => void server.addUser({ email: "ben@example.com", rules: [] }) });
    const profile = within(await screen.findByRole("region", { name: "Profile" }));
    const email = await profile.findByLabelText("Email");
    await user.clear(email);
    await user.type(email, "ben@example.com");
    await user.type(profile.getByLabelText("Current password"), "Secret123");
    await user.click(profile.getByRole("button", { name: "Save" }));
    expect(await profile.findByText("Another account has this address.")).toBeTruthy();
  });

  it("gets a new password, and forgets what was typed", async () => {
    const { user, person, server } = openApp("/settings/account", { prepare: (each, owner) => void each.accounts.open(owner) });
    const section = within(await screen.findByRole("region", { name: "Password" }));
    await user.type(section.getByLabelText("Current password"), "nonsense");
    await user.type(section.getByLabelText("New password"), "short");
    await user.click(section.getByRole("button", { name: "Change password" }));
    expect(section.getByText(/Use 8 to 128 characters/)).toBeTruthy();
    await user.clear(section.getByLabelText("New password"));
    await user.type(section.getByLabelText("New password"), "Password9");
    await user.click(section.getByRole("button", { name: "Change password" }));
    expect(await section.findByText("Invalid password")).toBeTruthy();
    expect(section.getByLabelText("Current password").getAttribute("aria-invalid")).toBe("true");

    await user.clear(section.getByLabelText("Current password"));
    await user.type(section.getByLabelText("Current password"), person.password);
    await user.click(section.getByRole("button", { name: "Change password" }));
    expect(await section.findByText("This password is too common")).toBeTruthy();
    await user.clear(section.getByLabelText("New password"));
    await user.type(section.getByLabelText("New password"), "Better-1-bell");
    await user.click(section.getByRole("button", { name: "Change password" }));
    expect(await screen.findByText(/Other sessions have ended/)).toBeTruthy();
    expect(person.password).toBe("Better-1-bell");
    expect(section.getByLabelText("Current password")).toHaveProperty("value", "");
    expect(server.accounts.sessions).toHaveLength(1);
  });

  it("that cannot be read says so", async () => {
    const { user } = openApp("/settings/account", { prepare: (server) => server.fail("auth.getCurrentUserProfile", new FakeError(400, "BROKEN", "Broken")) });
    await user.click(await screen.findByRole("button", { name: "Try again" }));
    expect(await screen.findByLabelText("Name")).toHaveProperty("value", "Ada Admin");
  });
});

describe("the second factor", () => {
  it("is turned on with an app, proven by a code, and tells the recovery codes", async () => {
    const { user, person } = openApp("/settings/account");
    await user.click(await screen.findByRole("button", { name: "Turn on" }));
    const dialog = within(screen.getByRole("dialog", { name: "Turn on" }));
    await user.type(dialog.getByLabelText("Password"), "nonsense");
    await user.click(dialog.getByRole("button", { name: "Continue" }));
    expect(await dialog.findByText("Invalid password")).toBeTruthy();
    await user.clear(dialog.getByLabelText("Password"));
    await user.type(dialog.getByLabelText("Password"), person.password);
    await user.click(dialog.getByRole("button", { name: "Continue" }));

    expect(await screen.findByRole("img", { name: /QR code/ })).toBeTruthy();
    expect(screen.getByLabelText(/Secret, for an app/)).toHaveProperty("value", "JBSWY3DPEHPK3PXP");
    await user.type(screen.getByLabelText("Code"), "000 000");
    await user.click(screen.getByRole("button", { name: "Confirm" }));
    expect(await screen.findByText(/This code is not right/)).toBeTruthy();
    expect(person.secondFactor).toBe(false);
    await user.clear(screen.getByLabelText("Code"));
    await user.type(screen.getByLabelText("Code"), `${CODE.slice(0, 3)} ${CODE.slice(3)}`);
    await user.click(screen.getByRole("button", { name: "Confirm" }));
    expect(within(await screen.findByRole("list", { name: "Recovery codes" })).getAllByRole("listitem")).toHaveLength(10);
    expect(person.secondFactor).toBe(true);
    await user.click(screen.getByRole("button", { name: "I have kept them" }));
    expect(await screen.findByText("A code is asked at every sign-in.")).toBeTruthy();
  });

  it("gets new recovery codes, and is turned off, both by password", async () => {
    const { user, person } = openApp("/settings/account", {
      prepare: (_, owner) => {
        owner.secondFactor = true;
      },
    });
    await user.click(await screen.findByRole("button", { name: "New recovery codes" }));
    await user.type(within(screen.getByRole("dialog")).getByLabelText("Password"), person.password);
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "New recovery codes" }));
    expect(await screen.findByText("code2-0")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "I have kept them" }));
    await user.click(await screen.findByRole("button", { name: "Turn off" }));
    await user.type(within(screen.getByRole("dialog")).getByLabelText("Password"), person.password);
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Turn off" }));
    expect(await screen.findByText("Your password alone opens your account.")).toBeTruthy();
    expect(person.secondFactor).toBe(false);
  });

  const signIn = async (user: ReturnType<typeof openVisiting>["user"]) => {
    await user.type(await screen.findByLabelText("Email"), "ada@example.com");
    await user.type(screen.getByLabelText("Password"), "Secret123");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
  };

  it("asks for a code at the sign-in, then leads where that was asked for", async () => {
    FakeBrowser.get().server.addUser({ secondFactor: true });
    const { user, at } = openVisiting("/inbox");
    await signIn(user);
    await user.type(await screen.findByLabelText("Code"), "000000");
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByText(/This code is not right/)).toBeTruthy();
    await user.clear(screen.getByLabelText("Code"));
    await user.type(screen.getByLabelText("Code"), CODE);
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByRole("heading", { name: "Inbox" })).toBeTruthy();
    expect(at()).toBe("/inbox");
  });

  it("lets in with a recovery code", async () => {
    FakeBrowser.get().server.addUser({ secondFactor: true });
    const { user } = openVisiting("/");
    await signIn(user);
    await user.click(await screen.findByRole("button", { name: "Use a recovery code" }));
    await user.type(screen.getByLabelText("Recovery code"), RECOVERY_CODE);
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByText("Watch your first system")).toBeTruthy();
  });

  it("begins anew when the password was checked too long ago", async () => {
    const { server } = FakeBrowser.get();
    server.addUser({ secondFactor: true });
    const { user } = openVisiting("/");
    await signIn(user);
    server.fail("auth/two-factor/verify-totp", new FakeError(401, "INVALID_TWO_FACTOR_COOKIE", "Invalid"));
    await user.type(await screen.findByLabelText("Code"), CODE);
    await user.click(screen.getByRole("button", { name: "Sign in" }));
    expect((await screen.findByRole("alert")).textContent).toMatch(/took too long/);
    await user.click(screen.getByRole("button", { name: "Start again" }));
    expect(await screen.findByLabelText("Email")).toHaveProperty("value", "ada@example.com");
  });
});

describe("sessions", () => {
  const rows = () => screen.queryAllByTestId("session-row").map((row) => row.textContent);

  it("tell where somebody is signed in, this one first, and are ended one by one or all others at once", async () => {
    const { user, server } = openApp("/settings/sessions", {
      prepare: (each, owner) => {
        each.accounts.open(owner, { userAgent: "curl/8.5.0", ipAddress: "198.51.100.4" });
        each.accounts.open(owner, { userAgent: "" });
      },
    });
    await waitFor(() => expect(rows()).toEqual([expect.stringMatching(/Firefox on Linux.*this one/), expect.stringMatching(/curl\/8\.5\.0.*198\.51\.100\.4/), expect.stringContaining("Unknown browser")]));
    expect(screen.queryByRole("button", { name: /End session of Firefox/ })).toBeNull();
    await user.click(screen.getByRole("button", { name: "End session of curl/8.5.0" }));
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(server.accounts.sessions).toHaveLength(3);
    await user.click(screen.getByRole("button", { name: "End session of curl/8.5.0" }));
    await user.click(screen.getByRole("button", { name: "End session" }));
    await waitFor(() => expect(rows()).toHaveLength(2));
    await user.click(screen.getByRole("button", { name: "End all others" }));
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "End all others" }));
    await waitFor(() => expect(rows()).toEqual([expect.stringContaining("this one")]));
    expect(screen.queryByRole("button", { name: "End all others" })).toBeNull();
  });

  it("that cannot be read say so", async () => {
    const { user } = openApp("/settings/sessions", { prepare: (server) => server.fail("auth/list-sessions", new FakeError(400, "BROKEN", "Broken")) });
    await user.click(await screen.findByRole("button", { name: "Try again" }));
    await waitFor(() => expect(rows()).toHaveLength(1));
  });
});

describe("a forgotten password", () => {
  it("is asked for without telling whether the address is known", async () => {
    const { server } = FakeBrowser.get();
    server.addUser();
    const { user } = openVisiting("/sign-in");
    await user.click(await screen.findByRole("link", { name: "Forgot your password?" }));
    const send = await screen.findByRole("button", { name: "Send the link" });
    await user.type(screen.getByLabelText("Email"), "nobody@example.com");
    await user.click(send);
    expect(await screen.findByText(/If there is an account with this address/)).toBeTruthy();
    expect(screen.getByText("watchbell admin reset")).toBeTruthy();
    expect(server.accounts.resetTokens.size).toBe(0);
  });

  it("names the reference when it cannot be asked for", async () => {
    const { server } = FakeBrowser.get();
    server.fail("auth/request-password-reset", new FakeError(429, "", "Too many requests"));
    const { user } = openVisiting("/forgot-password");
    await user.type(await screen.findByLabelText("Email"), "ada@example.com");
    await user.click(screen.getByRole("button", { name: "Send the link" }));
    expect((await screen.findByRole("alert")).textContent).toMatch(/Too many tries.*Reference/);
  });

  it("is replaced over the link that was sent", async () => {
    const { server } = FakeBrowser.get();
    const person = server.addUser();
    server.accounts.resetTokens.set("link", { email: person.email, expired: false });
    const { user, at } = openVisiting("/auth/reset-password?token=link");
    await user.type(await screen.findByLabelText("New password"), "Better-1-bell");
    await user.click(screen.getByRole("button", { name: "Set the password" }));
    expect(await screen.findByText("Your password is set. Sign in with it.")).toBeTruthy();
    await waitFor(() => expect(at()).toBe("/sign-in"));
    expect(person.password).toBe("Better-1-bell");
  });

  it("is not replaced over a link that is used, old or cut, which leads to another", async () => {
    const { server } = FakeBrowser.get();
    const person = server.addUser();
    server.accounts.resetTokens.set("old", { email: person.email, expired: true });
    openVisiting("/reset-password?token=old");
    expect(await screen.findByText(/It was valid for an hour/)).toBeTruthy();
    expect(screen.getByRole("link", { name: "Ask for another link" }).getAttribute("href")).toBe("/forgot-password");
    expect(screen.queryByLabelText("New password")).toBeNull();
  });

  it("is not replaced when the link runs out meanwhile", async () => {
    const { server } = FakeBrowser.get();
    const person = server.addUser();
    server.accounts.resetTokens.set("link", { email: person.email, expired: false });
    const { user } = openVisiting("/reset-password?token=link");
    await user.type(await screen.findByLabelText("New password"), "Better-1-bell");
    server.accounts.resetTokens.delete("link");
    await user.click(screen.getByRole("button", { name: "Set the password" }));
    expect(await screen.findByText("This link no longer works")).toBeTruthy();
  });
});

describe("signing up", () => {
  it("is offered while registration is open, and signs in at once", async () => {
    FakeBrowser.get().server.addUser();
    const { user, server, at } = openVisiting("/sign-in");
    await user.click(await screen.findByRole("link", { name: "Create an account" }));
    await user.type(await screen.findByLabelText("Name"), "Ben");
    await user.type(screen.getByLabelText("Email"), "ada@example.com");
    await user.type(screen.getByLabelText("Password"), "Better-1-bell");
    await user.click(screen.getByRole("button", { name: "Create account" }));
    expect(await screen.findByText(/User already exists/)).toBeTruthy();
    expect(screen.getByLabelText("Email").getAttribute("aria-invalid")).toBe("true");
    await user.clear(screen.getByLabelText("Email"));
    await user.type(screen.getByLabelText("Email"), "ben@example.com");
    await user.click(screen.getByRole("button", { name: "Create account" }));
    expect(await screen.findByText("No systems yet")).toBeTruthy();
    expect(at()).toBe("/");
    expect(server.users).toHaveLength(2);
  });

  it("is closed when the administrators make the accounts", async () => {
    const { server } = FakeBrowser.get();
    server.addUser();
    server.people.allowRegistration = false;
    openVisiting("/auth/register");
    expect(await screen.findByText("Accounts are made by the administrators here.")).toBeTruthy();
    expect(screen.queryByLabelText("Email")).toBeNull();
    expect(screen.getByRole("link", { name: "Back to sign-in" })).toBeTruthy();
  });

  it("leads a fresh server's visitor to the first account", async () => {
    const { at } = openVisiting("/sign-up");
    expect(await screen.findByRole("button", { name: "Create administrator" })).toBeTruthy();
    expect(at()).toBe("/onboarding");
  });
});
