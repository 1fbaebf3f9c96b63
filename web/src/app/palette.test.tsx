import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBrowser } from "../../test/fake-browser";
import { FakeError } from "../../test/fake/fake-server";
import { addSystem, openApp } from "../../test/open-app";

async function withSystems(...names: string[]) {
  const { server } = FakeBrowser.get();
  const owner = server.addUser();
  const ids = [];
  for (const name of names) ids.push(await addSystem(server, owner, name));
  return { server, ids };
}

const box = () => screen.findByRole("combobox", { name: "Find a system or something to do" });
/** Presses the keys once the shell is there to hear them. */
async function press(user: ReturnType<typeof openApp>["user"], keys = "{Control>}k{/Control}") {
  await screen.findByRole("button", { name: "Go to anything Ctrl K" });
  await user.keyboard(keys);
  return box();
}
const options = () => screen.queryAllByRole("option").map((option) => option.textContent);
const chosen = () => screen.queryAllByRole("option", { selected: true }).map((option) => option.textContent);

describe("the palette", () => {
  it("opens with Ctrl+K on any page, and leads by keyboard to what is found", async () => {
    const { ids } = await withSystems("Shop", "Search");
    const { user, at } = openApp("/inbox");
    await screen.findByRole("heading", { name: "Inbox", level: 1 });
    const input = await press(user);
    expect(document.activeElement).toBe(input);
    await waitFor(() => expect(options()).toEqual(["ShopSystems", "SearchSystems", "Create SystemAdd a system to the catalogCatalog"]));
    expect(chosen()).toEqual(["ShopSystems"]);
    // Round both ends.
    await user.keyboard("{ArrowUp}");
    expect(chosen()).toEqual([expect.stringContaining("Create System")]);
    await user.keyboard("{ArrowDown}{ArrowDown}");
    expect(chosen()).toEqual(["SearchSystems"]);
    expect(input.getAttribute("aria-activedescendant")).toBe(screen.getByRole("option", { selected: true }).id);
    await user.keyboard("{Enter}");
    await waitFor(() => expect(at()).toBe(`/systems/${ids[1] ?? ""}`));
    expect(screen.queryByRole("combobox", { name: "Find a system or something to do" })).toBeNull();
  });

  it("narrows what it offers as one types, and chooses the first anew", async () => {
    await withSystems("Shop", "Search");
    const { user, at } = openApp("/");
    const input = await press(user, "{Meta>}k{/Meta}");
    await waitFor(() => expect(options()).toHaveLength(3));
    await user.keyboard("{ArrowDown}");
    await user.type(input, "crea");
    await waitFor(() => expect(options()).toEqual([expect.stringContaining("Create System")]));
    expect(chosen()).toHaveLength(1);
    await user.keyboard("{Enter}");
    await waitFor(() => expect(at()).toBe("/systems/new"));
  });

  it("goes by mouse, and opens by its button", async () => {
    const { ids } = await withSystems("Shop");
    const { user, at } = openApp("/inbox");
    await user.click(await screen.findByRole("button", { name: "Go to anything Ctrl K" }));
    await user.click(await screen.findByRole("option", { name: /Shop/ }));
    await waitFor(() => expect(at()).toBe(`/systems/${ids[0] ?? ""}`));
  });

  it("says that nothing matches, and Enter goes nowhere then", async () => {
    const { user, at } = openApp("/inbox");
    await user.type(await press(user), "nobody");
    expect(await within(screen.getByRole("dialog")).findByRole("status")).toHaveProperty("textContent", "Nothing matches");
    await user.keyboard("{Enter}");
    expect(at()).toBe("/inbox");
  });

  it("says what failed, with another try", async () => {
    const { server } = await withSystems("Shop");
    server.fail("command.search", new FakeError(400, "BROKEN", "Broken"));
    const { user } = openApp("/inbox");
    await press(user);
    await user.click(await screen.findByRole("button", { name: "Try again" }));
    await waitFor(() => expect(options()).toContain("ShopSystems"));
  });

  it("does not open over a dialog that wants an answer", async () => {
    const { user } = openApp("/administration/keys");
    await user.click(await screen.findByRole("button", { name: "Add key" }));
    await user.keyboard("{Control>}k{/Control}");
    expect(screen.getAllByRole("dialog")).toHaveLength(1);
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(await press(user)).toBeTruthy();
  });
});
