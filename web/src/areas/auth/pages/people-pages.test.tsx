import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeError, type FakeServer } from "../../../../test/fake/fake-server";
import { openApp } from "../../../../test/open-app";

const withBen = (server: FakeServer) => void server.addUser({ name: "Ben", email: "ben@example.com", rules: [], roles: ["users"] });
const rows = (kind: string) => screen.queryAllByTestId(`${kind}-row`).map((row) => row.textContent);

describe("users", () => {
  it("are listed with their roles, and its reader is marked", async () => {
    openApp("/administration/users", { prepare: withBen });
    await waitFor(() => expect(rows("user")).toEqual([expect.stringMatching(/Ada Admin.*you.*Administrators/), expect.stringMatching(/Ben.*ben@example\.com.*Users/)]));
    expect(screen.queryByRole("button", { name: "Delete Ada Admin" })).toBeNull();
    expect(screen.queryByRole("button", { name: "Roles of Ada Admin" })).toBeNull();
  });

  it("are found by name or address, and paged, both kept in the address", async () => {
    const { user, at } = openApp("/administration/users", {
      prepare: (server) => {
        for (let number = 10; number < 35; number++) server.addUser({ name: `Person ${String(number)}`, email: `p${String(number)}@example.com`, rules: [] });
      },
    });
    await waitFor(() => expect(rows("user")).toHaveLength(20));
    await user.click(screen.getByRole("button", { name: "Next" }));
    await waitFor(() => expect(rows("user")).toHaveLength(6));
    expect(at()).toBe("/administration/users?page=2");
    await user.type(screen.getByLabelText("Find a user"), "p12@");
    await waitFor(() => expect(rows("user")).toEqual([expect.stringContaining("Person 12")]));
    expect(at()).toBe("/administration/users?find=p12%40");
    await user.type(screen.getByLabelText("Find a user"), "nobody");
    expect(await screen.findByText("No user matches")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Clear filter" }));
    await waitFor(() => expect(rows("user")).toHaveLength(20));
  });

  it("are added with a password; what the server finds wrong stands at its field", async () => {
    const { user, server } = openApp("/administration/users");
    await user.click(await screen.findByRole("button", { name: "Add user" }));
    const dialog = within(screen.getByRole("dialog", { name: "Add user" }));
    await user.click(dialog.getByRole("button", { name: "Add user" }));
    expect(dialog.getByText("Enter an email address.")).toBeTruthy();

    server.fail("auth.createCredentialUser", new FakeError(400, "BAD_REQUEST", "Invalid", [{ path: ["password"], message: "This password is too common" }]));
    await user.type(dialog.getByLabelText("Name"), "Cleo");
    await user.type(dialog.getByLabelText("Email"), "ada@example.com");
    await user.type(dialog.getByLabelText("First password"), "Password1");
    await user.click(dialog.getByRole("button", { name: "Add user" }));
    expect(await dialog.findByText("This password is too common")).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(dialog.getByLabelText("First password")));
    expect(dialog.queryByRole("alert")).toBeNull();

    await user.type(dialog.getByLabelText("First password"), "more");
    await user.click(dialog.getByRole("button", { name: "Add user" }));
    expect(await dialog.findByText("Another account has this address.")).toBeTruthy();
    await user.clear(dialog.getByLabelText("Email"));
    await user.type(dialog.getByLabelText("Email"), "cleo@example.com");
    await user.click(dialog.getByRole("button", { name: "Add user" }));
    expect(await screen.findByText("Cleo may sign in.")).toBeTruthy();
    await waitFor(() => expect(rows("user")).toHaveLength(2));
  });

  it("get other roles, and keep them when the server refuses", async () => {
    const { user, server } = openApp("/administration/users", { prepare: withBen });
    await user.click(await screen.findByRole("button", { name: "Roles of Ben" }));
    const dialog = within(screen.getByRole("dialog", { name: "Roles of Ben" }));
    // Visitors' role is nobody's.
    expect((await dialog.findAllByRole("checkbox")).map((each) => each.closest("div")?.textContent)).toEqual(["Administrators", expect.stringContaining("Users"), "Applications"]);
    server.fail("auth.updateUserRoles", new FakeError(409, "CONFLICT", "The last administrator keeps the role"));
    await user.click(dialog.getByLabelText("Applications"));
    await user.click(dialog.getByRole("button", { name: "Save" }));
    expect((await dialog.findByRole("alert")).textContent).toMatch(/last administrator.*Reference/);
    await user.click(dialog.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(rows("user")[1]).toMatch(/Users, Applications/));
    expect(server.callsOf("auth.updateUserRoles")).toContainEqual({ userId: server.users[1]?.id, roles: ["users", "applications"] });
  });

  it("are not given what their administrator does not hold", async () => {
    const { user } = openApp("/administration/users", { rules: ["auth.users.read", "auth.users.manage", "auth.roles.read", "catalog.system.read"], prepare: withBen });
    await user.click(await screen.findByRole("button", { name: "Roles of Ben" }));
    const dialog = within(screen.getByRole("dialog", { name: "Roles of Ben" }));
    expect(await dialog.findByLabelText("Administrators")).toHaveProperty("disabled", true);
    expect(dialog.getByText("Allows more than you may hand on.")).toBeTruthy();
    expect(dialog.getByLabelText("Users")).toHaveProperty("disabled", false);
  });

  it("are deleted only after asking", async () => {
    const { user, server } = openApp("/administration/users", { prepare: withBen });
    await user.click(await screen.findByRole("button", { name: "Delete Ben" }));
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(server.users).toHaveLength(2);
    await user.click(screen.getByRole("button", { name: "Delete Ben" }));
    await user.click(within(screen.getByRole("dialog", { name: "Delete Ben?" })).getByRole("button", { name: "Delete user" }));
    expect(await screen.findByText("Ben was deleted.")).toBeTruthy();
    await waitFor(() => expect(rows("user")).toHaveLength(1));
  });

  it("that cannot be read say so, with another try", async () => {
    const { user } = openApp("/administration/users", { prepare: (server) => server.fail("auth.getUsers", new FakeError(400, "BROKEN", "Broken")) });
    await user.click(await screen.findByRole("button", { name: "Try again" }));
    await waitFor(() => expect(rows("user")).toHaveLength(1));
  });

  it("are for who may see them; the rest is told which rule it takes", async () => {
    const { server } = openApp("/administration/users", { rules: ["catalog.system.read"] });
    expect(await screen.findByText("This page is for administrators")).toBeTruthy();
    expect(screen.getByText(/auth\.users\.read/)).toBeTruthy();
    expect(screen.queryByRole("link", { name: "Administration" })).toBeNull();
    expect(server.callsOf("auth.getUsers")).toEqual([]);
  });

  it("may register themselves while that is switched on", async () => {
    const { user, server } = openApp("/administration/users");
    const allowed = await screen.findByRole("switch", { name: "Anybody may create an account" });
    await user.click(allowed);
    await waitFor(() => expect(server.people.allowRegistration).toBe(false));
    server.fail("auth.setRegistrationStatus", new FakeError(403, "FORBIDDEN", "No"));
    await user.click(allowed);
    expect(await screen.findByText(/Switching registration was undone/)).toBeTruthy();
    await waitFor(() => expect(allowed.getAttribute("aria-checked")).toBe("false"));
  });

  it("that lose a rule meanwhile are no longer offered what it opened", async () => {
    const { user, server, person } = openApp("/administration/users", { prepare: withBen });
    await user.click(await screen.findByRole("button", { name: "Delete Ben" }));
    person.rules = ["auth.users.read"];
    server.fail("auth.deleteUser", new FakeError(403, "FORBIDDEN", "Missing rule"));
    await user.click(screen.getByRole("button", { name: "Delete user" }));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Add user" })).toBeNull());
    expect(rows("user")).toHaveLength(2);
  });
});

describe("roles", () => {
  it("are listed; the built-in ones cannot be deleted", async () => {
    openApp("/administration/roles");
    await waitFor(() => expect(rows("role")).toHaveLength(4));
    expect(rows("role")[0]).toMatch(/Administrators.*built in.*Everything/);
    expect(screen.queryByRole("button", { name: /^Delete the role/ })).toBeNull();
  });

  it("are made, changed and deleted", async () => {
    const { user, server, at } = openApp("/administration/roles");
    await user.click(await screen.findByRole("link", { name: "Add role" }));
    await user.click(await screen.findByRole("button", { name: "Add role" }));
    await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText("Name")));
    await user.type(screen.getByLabelText("Name"), "Operators");
    await user.click(await screen.findByLabelText("Manage systems"));
    await user.click(screen.getByRole("button", { name: "Add role" }));
    expect(await screen.findByRole("link", { name: "Operators" })).toBeTruthy();
    expect(server.callsOf("auth.createRole")).toEqual([{ name: "Operators", description: "", accessRules: ["catalog.system.manage"] }]);

    await user.click(screen.getByRole("link", { name: "Operators" }));
    await user.click(await screen.findByLabelText("Read systems"));
    await user.click(screen.getByLabelText("Manage systems"));
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(at()).toBe("/administration/roles"));
    expect(server.people.roles[4]?.accessRules).toEqual(["catalog.system.read"]);

    await user.click(await screen.findByRole("button", { name: "Delete the role Operators" }));
    await user.click(screen.getByRole("button", { name: "Delete role" }));
    await waitFor(() => expect(rows("role")).toHaveLength(4));
  });

  it("show an issue at its field and keep what was chosen", async () => {
    const { user, server } = openApp("/administration/roles/new");
    server.fail("auth.createRole", new FakeError(400, "BAD_REQUEST", "Invalid", [{ path: ["name"], message: "Another role has this name" }]));
    await user.type(await screen.findByLabelText("Name"), "Users");
    await user.click(await screen.findByLabelText("Manage systems"));
    await user.click(screen.getByRole("button", { name: "Add role" }));
    expect(await screen.findByText("Another role has this name")).toBeTruthy();
    expect(screen.getByLabelText("Manage systems")).toHaveProperty("checked", true);
  });

  it("offer no rule that would be refused, and say why", async () => {
    openApp("/administration/roles/anonymous");
    expect(await screen.findByLabelText("Manage users")).toHaveProperty("disabled", true);
    expect(screen.getAllByText(/Of no use to visitors/).length).toBeGreaterThan(0);
    expect(screen.getByLabelText("Read systems")).toHaveProperty("disabled", false);
  });

  it("hold no more than who makes them", async () => {
    openApp("/administration/roles/new", { rules: ["auth.roles.create.manage", "auth.roles.read", "catalog.system.manage"] });
    expect(await screen.findByLabelText("Manage users")).toHaveProperty("disabled", true);
    expect(screen.getByLabelText("Manage systems")).toHaveProperty("disabled", false);
    // Managing a thing includes reading it.
    expect(screen.getByLabelText("Read systems")).toHaveProperty("disabled", false);
  });

  it("cannot take anything from the administrators", async () => {
    openApp("/administration/roles/admin");
    expect(await screen.findByText(/It allows everything/)).toBeTruthy();
    for (const box of await screen.findAllByRole("checkbox")) expect(box).toMatchObject({ checked: true, disabled: true });
    expect(screen.getByRole("button", { name: "Save" })).toBeTruthy();
  });

  it("that are gone lead back to the others", async () => {
    openApp("/administration/roles/nothing", { rules: ["auth.roles.read"] });
    expect(await screen.findByRole("heading", { name: "This role does not exist", level: 1 })).toBeTruthy();
    expect(screen.getByRole("link", { name: "All roles" })).toBeTruthy();
  });

  it("cannot be saved by who only reads them", async () => {
    openApp("/administration/roles/users", { rules: ["auth.roles.read"] });
    expect(await screen.findByLabelText("Read systems")).toHaveProperty("disabled", true);
    expect(screen.queryByRole("button", { name: "Save" })).toBeNull();
  });

  it("are for who may see them", async () => {
    openApp("/administration/roles", { rules: ["auth.users.read"] });
    expect(await screen.findByText("This page is for administrators")).toBeTruthy();
    // What this reader may open is offered all the same.
    expect(screen.getByRole("link", { name: "Administration" }).getAttribute("href")).toBe("/administration/users");
  });
});
