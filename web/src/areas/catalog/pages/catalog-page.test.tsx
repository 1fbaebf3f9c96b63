import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBrowser } from "../../../../test/fake-browser";
import { FakeError } from "../../../../test/fake/fake-server";
import { addSystem, openApp } from "../../../../test/open-app";

async function withSystem() {
  const { server } = FakeBrowser.get();
  const owner = server.addUser({ email: "owner@example.com", name: "Olga Owner" });
  return { server, owner, id: await addSystem(server, owner, "Shop") };
}
const groups = () => screen.queryAllByTestId("group-row").map((row) => row.textContent);
const contacts = () => screen.queryAllByTestId("contact-row").map((row) => row.textContent);

describe("groups", () => {
  it("begin with the first one; a name that is taken is told at the field", async () => {
    const { user, server } = openApp("/catalog/config");
    expect(await screen.findByText("No groups yet")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Add group" }));
    await user.type(screen.getByLabelText("Name"), "Customers");
    await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Add group" }));
    await waitFor(() => expect(groups()).toEqual([expect.stringMatching(/Customers.*No system is in it/)]));

    await user.click(screen.getByRole("button", { name: "Add group" }));
    const dialog = within(screen.getByRole("dialog"));
    await user.type(dialog.getByLabelText("Name"), "customers");
    await user.click(dialog.getByRole("button", { name: "Add group" }));
    expect(await dialog.findByText("Another group has this name.")).toBeTruthy();
    expect(server.catalog.groups).toHaveLength(1);
  });

  it("take systems in and let them out", async () => {
    const { server, id } = await withSystem();
    server.catalog.addGroup("Customers");
    const { user } = openApp("/administration/catalog");
    await user.selectOptions(await screen.findByRole("combobox", { name: "Put a system into Customers" }), "Shop");
    await user.click(screen.getByRole("button", { name: "Add to Customers" }));
    expect(within(await screen.findByRole("list", { name: "Systems in Customers" })).getByRole("link", { name: "Shop" })).toBeTruthy();
    expect(server.catalog.groups[0]?.systemIds).toEqual([id]);
    expect(screen.queryByRole("combobox", { name: "Put a system into Customers" })).toBeNull();
    await user.click(screen.getByRole("button", { name: "Take Shop out of Customers" }));
    await waitFor(() => expect(server.catalog.groups[0]?.systemIds).toEqual([]));
    expect(await screen.findByText("No system is in it.")).toBeTruthy();
  });

  it("say when a change is refused", async () => {
    const { server } = await withSystem();
    server.catalog.addGroup("Customers");
    server.fail("catalog.addSystemToGroup", new FakeError(404, "NOT_FOUND", "No such group"));
    const { user } = openApp("/administration/catalog");
    await user.selectOptions(await screen.findByRole("combobox", { name: "Put a system into Customers" }), "Shop");
    await user.click(screen.getByRole("button", { name: "Add to Customers" }));
    expect(await screen.findByText("It does not exist, or no longer.")).toBeTruthy();
  });

  it("are renamed, and deleted only after asking", async () => {
    const { server } = FakeBrowser.get();
    server.catalog.addGroup("Customers");
    const { user } = openApp("/administration/catalog");
    await user.click(await screen.findByRole("button", { name: "Rename Customers" }));
    await user.type(screen.getByLabelText("Name"), " and friends");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(groups()).toEqual([expect.stringContaining("Customers and friends")]));
    await user.click(screen.getByRole("button", { name: "Delete Customers and friends" }));
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(server.catalog.groups).toHaveLength(1);
    await user.click(screen.getByRole("button", { name: "Delete Customers and friends" }));
    await user.click(screen.getByRole("button", { name: "Delete group" }));
    expect(await screen.findByText("No groups yet")).toBeTruthy();
  });

  it("that cannot be read say so", async () => {
    const { user } = openApp("/administration/catalog", { prepare: (server) => server.fail("catalog.getGroups", new FakeError(400, "BROKEN", "Broken")) });
    await user.click(await screen.findByRole("button", { name: "Try again" }));
    expect(await screen.findByText("No groups yet")).toBeTruthy();
  });

  it("are arranged by who may; who may only move systems is offered no more", async () => {
    FakeBrowser.get().server.catalog.addGroup("Customers");
    openApp("/administration/catalog", { rules: ["catalog.system.manage", "catalog.group.read"] });
    await waitFor(() => expect(groups()).toHaveLength(1));
    expect(screen.queryByRole("button", { name: "Add group" })).toBeNull();
    expect(screen.queryByRole("button", { name: "Delete Customers" })).toBeNull();
  });

  it("are not for readers", async () => {
    openApp("/administration/catalog", { rules: ["catalog.system.read"] });
    expect(await screen.findByText(/catalog\.system\.manage/)).toBeTruthy();
  });
});

describe("systems in the catalog", () => {
  it("are edited and deleted from there", async () => {
    const { server } = await withSystem();
    const { user, at } = openApp("/administration/catalog");
    expect(await screen.findByRole("link", { name: "Edit Shop" })).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Delete Shop" }));
    await user.click(screen.getByRole("button", { name: "Delete system" }));
    expect(await screen.findByText("Shop was deleted.")).toBeTruthy();
    await waitFor(() => expect(screen.queryByTestId("catalog-system")).toBeNull());
    expect(server.systems).toEqual([]);
    expect(at()).toBe("/administration/catalog");
    expect(screen.getByRole("link", { name: "Add system" })).toBeTruthy();
  });

  it("are added where an old address says so", async () => {
    const { at } = openApp("/catalog/config?action=create");
    expect(await screen.findByRole("heading", { name: "Add a system" })).toBeTruthy();
    expect(at()).toBe("/systems/new");
  });
});

describe("a system's page", () => {
  it("names its groups and what was noted with it", async () => {
    const { server, id } = await withSystem();
    server.catalog.addGroup("Customers", [id]);
    server.catalog.system(id).metadata = { region: "eu" };
    openApp(`/systems/${id}`);
    const about = within(await screen.findByRole("region", { name: "About" }));
    expect(await about.findByText("Customers")).toBeTruthy();
    expect(about.getByText(/"region": "eu"/)).toBeTruthy();
  });

  it("takes contacts, users and mailboxes, each once", async () => {
    const { server, owner, id } = await withSystem();
    const { user } = openApp(`/systems/${id}`);
    await user.click(await screen.findByRole("button", { name: "Add contact" }));
    const dialog = within(screen.getByRole("dialog", { name: "Add contact" }));
    await user.click(dialog.getByRole("button", { name: "Add contact" }));
    expect(dialog.getByText("Enter an email address.")).toBeTruthy();
    await user.type(dialog.getByLabelText("Email"), "oncall@example.com");
    await user.type(dialog.getByLabelText("Role (optional)"), "on call");
    await user.click(dialog.getByRole("button", { name: "Add contact" }));
    await waitFor(() => expect(contacts()).toEqual([expect.stringContaining("oncall@example.com (on call)")]));
    expect(screen.getByRole("link", { name: "oncall@example.com" }).getAttribute("href")).toBe("mailto:oncall@example.com");

    await user.click(screen.getByRole("button", { name: "Add contact" }));
    const again = within(screen.getByRole("dialog"));
    await user.type(again.getByLabelText("Email"), "oncall@example.com");
    await user.click(again.getByRole("button", { name: "Add contact" }));
    expect(await again.findByText("This address is a contact already.")).toBeTruthy();
    await user.click(again.getByRole("radio", { name: "User" }));
    await user.click(again.getByRole("button", { name: "Add contact" }));
    expect(again.getByText("Choose one.")).toBeTruthy();
    await user.selectOptions(again.getByRole("combobox", { name: "User" }), "Olga Owner (owner@example.com)");
    await user.click(again.getByRole("button", { name: "Add contact" }));
    await waitFor(() => expect(contacts()).toHaveLength(2));
    expect(server.callsOf("catalog.addSystemContact")).toContainEqual({ systemId: id, type: "user", userId: owner.id });

    await user.click(screen.getByRole("button", { name: "Add contact" }));
    await user.click(within(screen.getByRole("dialog")).getByRole("radio", { name: "User" }));
    expect(within(screen.getByRole("dialog")).queryByRole("option", { name: /Olga/ })).toBeNull();
  });

  it("lets contacts go only after asking", async () => {
    const { server, id } = await withSystem();
    server.catalog.contacts.push({ id: "c", systemId: id, type: "user", userId: "gone", label: null, createdAt: new Date() });
    const { user } = openApp(`/systems/${id}`);
    await user.click(await screen.findByRole("button", { name: "Remove Former user" }));
    await user.click(screen.getByRole("button", { name: "Remove contact" }));
    expect(await screen.findByText("No contacts")).toBeTruthy();
    expect(server.callsOf("catalog.removeSystemContact")).toEqual([{ id: "c", systemId: id }]);
  });

  it("shows its contacts to readers, who are offered no change, and says when they cannot be read", async () => {
    const { server, id } = await withSystem();
    server.fail("catalog.getSystemContacts", new FakeError(403, "FORBIDDEN", "Missing rule"));
    const { user } = openApp(`/systems/${id}`, { rules: ["catalog.system.read", "healthcheck.healthcheck.status.read", "healthcheck.healthcheck.details.read"] });
    await user.click(await within(await screen.findByRole("region", { name: "Contacts" })).findByRole("button", { name: "Try again" }));
    expect(await screen.findByText("No contacts")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Add contact" })).toBeNull();
  });
});
