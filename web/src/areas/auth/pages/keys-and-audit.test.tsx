import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeError } from "../../../../test/fake/fake-server";
import { openApp } from "../../../../test/open-app";

const rows = (kind: string) => screen.queryAllByTestId(`${kind}-row`).map((row) => row.textContent);

describe("API keys", () => {
  it("begin with the first one, whose secret is shown once and can be copied", async () => {
    const { user, server } = openApp("/administration/keys");
    expect(await screen.findByText("No API keys yet")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Add key" }));
    const form = within(screen.getByRole("dialog", { name: "Add key" }));
    await user.click(form.getByRole("button", { name: "Add key" }));
    expect(form.getByText("Fill this in.")).toBeTruthy();
    await user.type(form.getByLabelText("Name"), "Build");
    await user.selectOptions(form.getByLabelText("Valid"), "For 30 days");
    await user.click(form.getByRole("button", { name: "Add key" }));

    const told = within(await screen.findByRole("dialog", { name: "The key Build" }));
    const secret = told.getByLabelText("Key");
    expect(secret).toHaveProperty("value", `ck_${server.people.applications[0]?.id ?? ""}_first`);
    await user.click(told.getByRole("button", { name: "Copy" }));
    expect(await navigator.clipboard.readText()).toBe((secret as HTMLInputElement).value);
    // A stray Escape does not lose it.
    const escape = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
    screen.getByRole("dialog").dispatchEvent(escape);
    expect(escape.defaultPrevented).toBe(true);
    await user.click(told.getByRole("button", { name: "I have copied it" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(rows("key")).toEqual([expect.stringMatching(/Build.*Applications.*never used.*valid until/)]);
    const [{ expiresAt } = { expiresAt: undefined }] = server.callsOf("auth.createApplication") as { expiresAt?: Date }[];
    expect(Math.round(((expiresAt?.getTime() ?? 0) - Date.now()) / 86_400_000)).toBe(30);
  });

  it("keep what was typed when the server refuses", async () => {
    const { user, server } = openApp("/administration/keys");
    server.fail("auth.createApplication", new FakeError(400, "BAD_REQUEST", "Invalid", [{ path: ["name"], message: "Too long" }]));
    await user.click(await screen.findByRole("button", { name: "Add key" }));
    const form = within(screen.getByRole("dialog"));
    await user.type(form.getByLabelText("Name"), "Build");
    await user.click(form.getByRole("button", { name: "Add key" }));
    expect(await form.findByText("Too long")).toBeTruthy();
    expect(form.getByLabelText("Name")).toHaveProperty("value", "Build");
  });

  it("get other roles and another name", async () => {
    const { user, server } = openApp("/administration/keys", { prepare: (each) => void each.people.addKey("Build") });
    await user.click(await screen.findByRole("button", { name: "Edit Build" }));
    const form = within(screen.getByRole("dialog"));
    await user.type(form.getByLabelText("Name"), " two");
    await user.click(await form.findByLabelText("Users"));
    await user.click(form.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(rows("key")).toEqual([expect.stringMatching(/Build two.*Applications, Users/)]));
    expect(server.callsOf("auth.updateApplication")).toEqual([{ id: server.people.applications[0]?.id, name: "Build two", description: null, roles: ["applications", "users"] }]);
  });

  it("get a limit of their own, of two parts, which can be taken away again", async () => {
    const { user, server } = openApp("/administration/keys");
    await user.click(await screen.findByRole("button", { name: "Add key" }));
    const form = within(screen.getByRole("dialog"));
    await user.type(form.getByLabelText("Name"), "Build");
    await user.type(form.getByLabelText("Requests a second"), "5");
    await user.click(form.getByRole("button", { name: "Add key" }));
    expect(form.getByText("Enter a whole number from 1 to 100000.")).toBeTruthy();
    await user.type(form.getByLabelText("At once"), "20");
    await user.click(form.getByRole("button", { name: "Add key" }));
    await user.click(await screen.findByRole("button", { name: "I have copied it" }));
    expect(rows("key")).toEqual([expect.stringContaining("At most 5 requests a second, 20 at once")]);
    expect(server.callsOf("auth.createApplication")).toEqual([{ name: "Build", rateLimit: { perSecond: 5, burst: 20 } }]);

    const edit = async (change: () => Promise<void>) => {
      await user.click(screen.getByRole("button", { name: "Edit Build" }));
      await change();
      await user.click(screen.getByRole("button", { name: "Save" }));
      await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
      return server.callsOf("auth.updateApplication").at(-1);
    };
    expect(await edit(() => user.type(screen.getByLabelText("Description (optional)"), "CI"))).not.toHaveProperty("rateLimit");
    expect(screen.queryByText("At most 5 requests a second, 20 at once")).toBeTruthy();
    expect(await edit(() => user.type(screen.getByLabelText("Requests a second"), "0"))).toHaveProperty("rateLimit", { perSecond: 50, burst: 20 });
    const emptied = await edit(async () => {
      for (const part of ["Requests a second", "At once"]) await user.clear(screen.getByLabelText(part));
    });
    expect(emptied).toHaveProperty("rateLimit", null);
    await waitFor(() => expect(screen.queryByText(/requests a second/)).toBeNull());
  });

  it("get a new secret while the old one lives on for a day", async () => {
    const { user, server } = openApp("/administration/keys", { prepare: (each) => void each.people.addKey("Build") });
    await user.click(await screen.findByRole("button", { name: "New secret for Build" }));
    await user.selectOptions(screen.getByLabelText("The old one stops working"), "In a day");
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "New secret" }));
    expect(await screen.findByLabelText("Key")).toHaveProperty("value", `ck_${server.people.applications[0]?.id ?? ""}_second`);
    expect(server.callsOf("auth.rotateApplicationSecret")).toEqual([{ id: server.people.applications[0]?.id, keepHours: 24 }]);
  });

  it("are revoked and deleted only after asking; a revoked one is only deleted", async () => {
    const { user, server } = openApp("/administration/keys", { prepare: (each) => void each.people.addKey("Build") });
    await user.click(await screen.findByRole("button", { name: "Revoke Build" }));
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(server.people.applications[0]?.revokedAt).toBeNull();
    await user.click(screen.getByRole("button", { name: "Revoke Build" }));
    await user.click(screen.getByRole("button", { name: "Revoke key" }));
    expect(await screen.findByText("revoked")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "New secret for Build" })).toBeNull();
    await user.click(screen.getByRole("button", { name: "Delete Build" }));
    await user.click(screen.getByRole("button", { name: "Delete key" }));
    expect(await screen.findByText("No API keys yet")).toBeTruthy();
  });

  it("are paged", async () => {
    const { user, at } = openApp("/administration/keys", {
      prepare: (server) => {
        for (let number = 1; number <= 21; number++) server.people.addKey(`Key ${String(number)}`);
      },
    });
    await waitFor(() => expect(rows("key")).toHaveLength(20));
    await user.click(screen.getByRole("button", { name: "Next" }));
    await waitFor(() => expect(rows("key")).toHaveLength(1));
    expect(at()).toBe("/administration/keys?page=2");
  });

  it("that cannot be read say so; who may not see them is told", async () => {
    const { user, server } = openApp("/administration/keys", { prepare: (each) => each.fail("auth.getApplications", new FakeError(400, "BROKEN", "Broken")) });
    await user.click(await screen.findByRole("button", { name: "Try again" }));
    expect(await screen.findByText("No API keys yet")).toBeTruthy();
    expect(server.callsOf("auth.getApplications")).toHaveLength(2);
  });

  it("are for who may manage them", async () => {
    openApp("/administration/keys", { rules: ["auth.users.read"] });
    expect(await screen.findByText(/auth\.applications\.manage/)).toBeTruthy();
  });
});

describe("the audit log", () => {
  it("tells who did what to whom, from where, and what was refused", async () => {
    openApp("/administration/audit", {
      prepare: ({ people }) => {
        people.note("role.create", { actor: "user:1", actorName: "Ada Admin", target: "role:9", targetName: "Operators", address: "192.0.2.7" });
        people.note("sign_in", { actor: "unknown", address: "203.0.113.9", outcome: "refused" });
      },
    });
    await waitFor(() => expect(rows("audit")).toEqual([expect.stringMatching(/sign_in.*refused.*203\.0\.113\.9/), expect.stringMatching(/role\.create.*Operators.*Ada Admin.*192\.0\.2\.7/)]));
  });

  it("pages, and shows what was refused alone", async () => {
    const { user, at } = openApp("/administration/audit", {
      prepare: ({ people }) => {
        for (let number = 0; number < 60; number++) people.note("user.create");
        people.note("sign_in", { outcome: "refused" });
      },
    });
    await waitFor(() => expect(rows("audit")).toHaveLength(50));
    await user.click(screen.getByRole("button", { name: "Next" }));
    await waitFor(() => expect(rows("audit")).toHaveLength(11));
    expect(at()).toBe("/administration/audit?page=2");
    await user.click(screen.getByRole("radio", { name: "Refused" }));
    await waitFor(() => expect(rows("audit")).toHaveLength(1));
    expect(at()).toBe("/administration/audit?show=refused");
  });

  it("says when there is nothing, and leads on from an empty filter", async () => {
    const { user } = openApp("/administration/audit?show=refused");
    expect(await screen.findByText("Nothing was refused")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Show all" }));
    expect(await screen.findByText("Nothing has happened yet")).toBeTruthy();
  });

  it("that cannot be read says so; who may not see it is told", async () => {
    const { user } = openApp("/administration/audit", { prepare: (server) => server.fail("auth.getAuditLog", new FakeError(400, "BROKEN", "Broken")) });
    await user.click(await screen.findByRole("button", { name: "Try again" }));
    expect(await screen.findByText("Nothing has happened yet")).toBeTruthy();
  });

  it("is for who may read it", async () => {
    openApp("/administration/audit", { rules: ["auth.users.read"] });
    expect(await screen.findByText(/auth\.audit\.read/)).toBeTruthy();
  });
});
