// The pages as a whole: reachable by keyboard, readable when narrow and when dark, free of what a screen reader trips over, small, quick,
// and served under a policy that lets no foreign script in.
import assert from "node:assert/strict";
import { ADMIN, Api } from "./lib/api.mjs";
import { carrySession, sidewaysScroll, violations, visitor } from "./lib/browser.mjs";
import { Program } from "./lib/program.mjs";
import { test } from "./lib/runner.mjs";
import { Sink } from "./lib/sink.mjs";
import { Target } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

const FIRST_PAGE_BYTES = 150_000;
const USABLE_MS = 1_000;
const PHONE = { width: 390, height: 844 };

/** A server with one system up, one down, one whose check rests, a notification in the inbox, and a channel set up. */
async function seeded(context) {
  const up = await new Target(context).up();
  const down = await new Target(context).up();
  const sink = await new Sink(context, "s").up();
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  await api.useWebhook(sink.url, "s");
  const shop = await api.watch("Shop", up.url, { tellMe: false });
  const search = await api.watch("A search engine with quite a long name, for the sake of narrow windows", down.url);
  const resting = await api.watch("Resting", up.url, { tellMe: false });
  const [{ configurationId }] = await api.call("healthcheck", "getSystemAssociations", { systemId: resting.id });
  await api.call("healthcheck", "associateSystem", { systemId: resting.id, body: { configurationId, enabled: false } });
  for (const system of [shop, search]) await until("the system to be healthy", async () => (await api.stateOf(system)) === "healthy");
  await down.down();
  await until("the notification", async () => (await api.inbox()).total === 1);
  return { program, api, search, resting };
}

/** The pages of somebody signed in, each with something that tells when it is drawn. */
const PAGES = [
  { path: "/", drawn: (page) => page.getByTestId("system-row").nth(2) },
  { path: "/?state=degraded", drawn: (page) => page.getByText("No system matches") },
  { path: ({ search }) => `/systems/${search.id}`, drawn: (page) => page.getByRole("table") },
  { path: ({ resting }) => `/systems/${resting.id}`, drawn: (page) => page.getByText("Paused", { exact: true }) },
  { path: "/systems/nothing", drawn: (page) => page.getByText("This system does not exist") },
  { path: ({ search }) => `/systems/${search.id}/edit`, drawn: (page) => page.getByLabel("URL") },
  { path: "/systems/new", drawn: (page) => page.getByLabel("URL") },
  { path: "/inbox", drawn: (page) => page.getByTestId("inbox-row") },
  { path: "/settings", drawn: (page) => page.getByRole("button", { name: "Save" }) },
  { path: "/administration", drawn: (page) => page.getByRole("switch").first() },
  { path: "/administration/attempts", drawn: (page) => page.getByTestId("attempt-row").first() },
  { path: "/nowhere", drawn: (page) => page.getByText("Nothing is here") },
];

for (const { name, look } of [
  { name: "wide_and_light", look: {} },
  { name: "wide_and_dark", look: { colorScheme: "dark" } },
  { name: "narrow_and_light", look: PHONE },
  { name: "narrow_and_dark", look: { ...PHONE, colorScheme: "dark" } },
]) {
  test(`the_pages_are_accessible_and_fit_${name}`, async (context) => {
    const scene = await seeded(context);
    const { page, profile, complaints } = await visitor(context, scene.program, look);
    const problems = [];
    const judge = async (what) => {
      problems.push(...(await violations(page)).map((each) => `${what}: ${each}`));
      const wide = await sidewaysScroll(page);
      if (wide > 0) problems.push(`${what}: ${wide} px wider than its window`);
    };

    await page.goto("/");
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await judge("/sign-in");
    await carrySession(profile, scene.api);
    for (const { path, drawn } of PAGES) {
      const address = typeof path === "string" ? path : path(scene);
      await page.goto(address);
      await drawn(page).waitFor();
      await judge(address);
    }
    await page.goto("/");
    await page.getByTestId("bell-button").click();
    await page.getByRole("dialog", { name: "Notifications" }).getByRole("link", { name: "Open inbox" }).waitFor();
    await judge("the bell");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Account: Ada Admin" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    await judge("the account menu");
    await page.keyboard.press("Escape");
    await page.goto("/inbox");
    await page.getByTestId("inbox-row").getByRole("button", { expanded: false }).click();
    await page.getByRole("checkbox", { name: "Select all on this page" }).check();
    await page.getByTestId("inbox-row").getByRole("button", { name: "Mark as read" }).click();
    await page.getByRole("button", { name: "Undo" }).waitFor();
    await judge("a step in the inbox that can be undone");
    await page.getByRole("button", { name: /^Keys/ }).click();
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await judge("the keys of the inbox");
    await page.keyboard.press("Escape");
    if (look.width !== undefined) {
      await page.getByRole("button", { name: "Open menu" }).click();
      await page.getByRole("dialog", { name: "Main" }).waitFor();
      await judge("the folded navigation");
      await page.keyboard.press("Escape");
    }
    await page.goto(`/systems/${scene.search.id}`);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").waitFor();
    await judge("the question before deleting");
    await page.goto("/systems/new");
    await page.getByText("Advanced").click();
    await page.getByRole("button", { name: "Add system" }).click();
    await page.getByText("Fill this in.").waitFor();
    await judge("a form with mistakes");
    assert.deepEqual(complaints, []); // from here on the browser tells of each connection that is refused
    await scene.program.kill();
    await page.getByText("Reconnecting.").waitFor();
    await judge("the server gone");
    assert.deepEqual(problems, []);
  });
}

test("a_refused_setting_says_so_beside_its_field_and_has_the_focus", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { page, profile } = await visitor(context, program);
  await carrySession(profile, api);
  await page.goto("/administration");
  await page.getByRole("switch", { name: "Allow Email" }).click();
  await page.getByText("It delivers nothing until its settings are complete.").waitFor();
  await page.getByLabel("Settings of Email").click();
  const form = page.getByRole("form", { name: "Email" });
  await form.getByLabel("Mail server").fill("mail.example.com");
  const sender = form.getByLabel("Sender address");
  await sender.fill("nobody");
  await form.getByRole("button", { name: "Save" }).click();
  await until("the focus at the field", () => sender.evaluate((field) => field === document.activeElement && field.getAttribute("aria-invalid") === "true"));
  assert.deepEqual(await violations(page), []);
  await sender.fill("watchbell@example.com");
  await form.getByRole("button", { name: "Save" }).click();
  await page.getByText("It delivers nothing until its settings are complete.").waitFor({ state: "detached" });
});

test("a_fresh_server_s_pages_are_accessible", async (context) => {
  const program = await new Program(context).start();
  const { page, complaints } = await visitor(context, program, PHONE);
  await page.goto("/");
  await page.getByRole("button", { name: "Create administrator" }).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal(await sidewaysScroll(page), 0);
  await page.getByLabel("Name").fill(ADMIN.name);
  await page.getByLabel("Email").fill(ADMIN.email);
  await page.getByLabel("Password", { exact: true }).fill(ADMIN.password);
  await page.keyboard.press("Enter");
  await page.getByText("Watch your first system").waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal(await sidewaysScroll(page), 0);
  assert.deepEqual(complaints, []);
});

/** Presses Tab until the element that has the focus is the one named, as somebody without a mouse does. */
async function tabTo(page, role, name) {
  const wanted = page.getByRole(role, { name, exact: true });
  for (let presses = 0; presses < 60; ++presses) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluateAll((found) => found.includes(document.activeElement))) return;
  }
  throw new Error(`sixty presses of Tab do not lead to the ${role} "${name}"`);
}

test("signing_in_and_adding_a_system_need_no_mouse", async (context) => {
  const target = await new Target(context).up();
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { page, complaints } = await visitor(context, program);
  await page.goto("/");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await tabTo(page, "textbox", "Email");
  await page.keyboard.type(ADMIN.email);
  await tabTo(page, "textbox", "Password");
  await page.keyboard.type(ADMIN.password);
  await page.keyboard.press("Enter");
  await page.getByText("Watch your first system").waitFor();

  await tabTo(page, "link", "Add system");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Add a system" }).waitFor();
  await tabTo(page, "textbox", "Name");
  await page.keyboard.type("Shop");
  await tabTo(page, "textbox", "URL");
  await page.keyboard.type(target.url);
  await tabTo(page, "switch", "Tell me");
  await page.keyboard.press("Space");
  assert.equal(await page.getByRole("switch", { name: "Tell me" }).getAttribute("aria-checked"), "false");
  // Where the focus is must be seen.
  const outline = await page.evaluate(() => {
    const { outlineStyle, boxShadow } = getComputedStyle(document.activeElement);
    return outlineStyle !== "none" || boxShadow !== "none";
  });
  assert.ok(outline, "the focused switch has no visible focus");
  await tabTo(page, "button", "Add system");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Shop", level: 1 }).waitFor();
  const { systems } = await api.call("catalog", "getSystems");
  assert.deepEqual(systems.map(({ name }) => name), ["Shop"]);
  assert.deepEqual(await api.call("notification", "getSubscriptions"), []);
  assert.deepEqual(complaints, []);
});

/** Where the focus is, as its reader would name it. */
async function focused(page) {
  return page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim().slice(0, 60));
}

test("what_opens_over_the_page_closes_with_escape_and_gives_the_focus_back", async (context) => {
  const { program, api, search } = await seeded(context);
  const { page, profile, complaints } = await visitor(context, program, PHONE);
  await carrySession(profile, api);
  await page.goto(`/systems/${search.id}`);
  await page.getByRole("table").waitFor();
  for (const [name, opened] of [
    [/^Notifications/, () => page.getByRole("dialog", { name: "Notifications" })],
    [/^Account/, () => page.getByRole("button", { name: "Sign out" })],
    ["Open menu", () => page.getByRole("dialog", { name: "Main" })],
    ["Delete", () => page.getByRole("dialog", { name: /^Delete / })],
    [/^Remove /, () => page.getByRole("dialog", { name: /^Remove the check/ })],
  ]) {
    const button = page.getByRole("button", { name, exact: true });
    await button.focus();
    await page.keyboard.press("Enter");
    await opened().waitFor();
    assert.ok(await opened().evaluate((panel) => (panel.closest("dialog, [role=dialog]") ?? panel).contains(document.activeElement)), `the focus is inside what ${name} opens`);
    await page.keyboard.press("Escape");
    await opened().waitFor({ state: "detached" });
    await until(`the focus on ${name}`, () => button.evaluate((element) => element === document.activeElement));
  }
  assert.deepEqual(complaints, []);
});

test("reading_the_inbox_by_keyboard_keeps_its_place", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { id } = await api.call("auth", "getCurrentUserProfile");
  for (const title of ["One", "Two", "Three"]) await api.call("notification", "notifyUsers", { userIds: [id], title, body: "" });
  const { page, profile, complaints } = await visitor(context, program);
  await carrySession(profile, api);
  await page.goto("/inbox?show=unread");
  const rows = page.getByTestId("inbox-row");
  await rows.nth(2).waitFor();
  await rows.nth(0).getByRole("button", { name: "Mark as read" }).focus();
  for (const left of [2, 1]) {
    await page.keyboard.press("Enter");
    await until("the row to go", async () => (await rows.count()) === left);
    await until("the focus in the row that follows", () => rows.nth(0).evaluate((row) => row.contains(document.activeElement)));
    // Never on what does more than the button that was pressed.
    assert.equal(await focused(page), "Mark as read");
  }
  assert.deepEqual(complaints, []);
});

test("the_page_says_that_the_server_is_gone_and_catches_up_when_it_is_back", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { page, profile } = await visitor(context, program, PHONE);
  await carrySession(profile, api);
  await page.goto("/");
  await page.getByText("Watch your first system").waitFor();
  // The page fetches the other pages by itself, a while after the first.
  await until("the settings' script", () => page.evaluate(() => performance.getEntriesByType("resource").some(({ name }) => /SettingsPage/.test(name))));
  await page.getByRole("button", { name: "Open menu" }).click();
  await program.kill();
  await page.getByRole("dialog").getByRole("link", { name: "Settings" }).click();
  await page.getByText("Reconnecting. What you see may be out of date.").waitFor();
  await page.getByText("This could not be loaded").first().waitFor();
  await program.start();
  // Nothing is clicked: what failed is asked for again once the connection stands.
  await page.getByRole("button", { name: "Save" }).waitFor();
  await page.getByText("You are told about nothing yet").waitFor();
  await page.getByText("Reconnecting.").waitFor({ state: "detached" });
});

test("a_session_that_ends_leads_to_the_sign_in_and_back_to_what_was_typed", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { page, profile } = await visitor(context, program);
  await carrySession(profile, api);
  await page.goto("/systems/new");
  await page.getByLabel("Name").fill("Shop");
  await page.getByLabel("URL").fill("http://127.0.0.1:9/");
  // In another tab of the same person, as far as the server can tell.
  await api.post("/api/auth/sign-out", {});
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.getByLabel("Email").fill(ADMIN.email);
  await page.getByLabel("Password", { exact: true }).fill(ADMIN.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Add a system" }).waitFor();
  assert.equal(await page.getByLabel("Name").inputValue(), "Shop");
  assert.equal(await page.getByLabel("URL").inputValue(), "http://127.0.0.1:9/");
});

/** Of the page's ground: 0 for black to 1 for white. */
async function brightness(page) {
  return page.evaluate(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    for (const element of [document.documentElement, document.body]) {
      canvas.fillStyle = getComputedStyle(element).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
  });
}

test("the_pages_are_dark_for_who_wants_it_dark", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { page, profile, complaints } = await visitor(context, program, { colorScheme: "dark" });
  await carrySession(profile, api);
  await page.goto("/settings");
  await page.getByRole("button", { name: "Save" }).waitFor();
  assert.ok((await brightness(page)) < 0.2, "dark, as the system is");
  await page.getByText("Light", { exact: true }).click();
  await until("the light page", async () => (await brightness(page)) > 0.8);
  await page.reload();
  await page.getByRole("button", { name: "Save" }).waitFor();
  assert.ok((await brightness(page)) > 0.8, "light, as chosen before");
  assert.deepEqual(complaints, []);
});

test("the_policy_of_the_page_keeps_foreign_script_out", async (context) => {
  const program = await new Program(context).start();
  const response = await fetch(program.base + "/");
  const policy = new Map(
    (response.headers.get("content-security-policy") ?? "").split(";").map((part) => {
      const [name, ...sources] = part.trim().split(/\s+/);
      return [name, sources];
    }),
  );
  assert.deepEqual(policy.get("default-src"), ["'self'"]);
  for (const [name, sources] of policy) {
    if (name === "style-src" || name === "style-src-attr") continue;
    assert.ok(!sources.some((source) => /^'unsafe-|^\*$|^https?:$/.test(source)), `${name} ${sources.join(" ")}`);
  }
  assert.ok(!(policy.get("style-src") ?? []).includes("'unsafe-inline'"), "styles come from files");
  assert.deepEqual(policy.get("frame-ancestors"), ["'none'"]);
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");

  const { page } = await visitor(context, program);
  await page.goto("/");
  await page.getByRole("button", { name: "Create administrator" }).waitFor();
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.foreign = true";
    document.head.append(script);
    return window.foreign === true;
  });
  assert.equal(ran, false);
});

test("the_first_page_is_small_and_soon_of_use", async (context) => {
  const { program, api } = await seeded(context);
  const times = [];
  for (let round = 0; round < 3; ++round) {
    const { page, profile } = await visitor(context, program);
    await carrySession(profile, api);
    const wire = await profile.newCDPSession(page);
    await wire.send("Network.enable");
    // Each address once: on a slow machine the live connection stands before the rows do, and what it makes the page ask
    // anew is not a part of the first page.
    const addresses = new Map();
    const sizes = new Map();
    wire.on("Network.requestWillBeSent", ({ requestId, request }) => addresses.set(requestId, request.url));
    wire.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      const address = addresses.get(requestId);
      sizes.set(address, Math.max(sizes.get(address) ?? 0, encodedDataLength));
    });
    const began = performance.now();
    await page.goto("/");
    await page.getByTestId("system-row").nth(1).waitFor();
    times.push(performance.now() - began);
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    assert.ok(bytes > 10_000 && bytes < FIRST_PAGE_BYTES, `the first page took ${bytes} bytes`);
  }
  assert.ok(Math.min(...times) < USABLE_MS, `the first page was of use after ${times.map(Math.round).join(", ")} ms`);
});
