// The inbox as its reader works through it: by keys, with a way back from every step, and with nothing lost when the tab is closed.
import assert from "node:assert/strict";
import { Api } from "./lib/api.mjs";
import { carrySession, violations, visitor } from "./lib/browser.mjs";
import { Program } from "./lib/program.mjs";
import { test } from "./lib/runner.mjs";
import { Target } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

/** A server whose administrator has been told of something, and his browser at the inbox. The last title is the newest row. */
async function inboxOf(context, titles, path = "/inbox") {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { id } = await api.call("auth", "getCurrentUserProfile");
  for (const title of titles) await api.call("notification", "notifyUsers", { userIds: [id], title, body: `About ${title}` });
  const { page, profile, complaints } = await visitor(context, program);
  await carrySession(profile, api);
  await page.goto(path);
  const rows = page.getByTestId("inbox-row");
  await rows.nth(titles.length - 1).waitFor();
  const shown = async () => (await rows.getByRole("heading").allTextContents()).join(" ");
  /** What the server holds, newest first; unread rows with a star. */
  const held = async () => (await api.inbox()).notifications.map(({ title, isRead }) => title + (isRead ? "" : "*")).join(" ");
  return { program, api, page, profile, rows, shown, held, complaints };
}

/** The text of what has the focus. */
const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim());

test("the_inbox_is_read_by_keys_and_each_step_can_be_taken_back", async (context) => {
  const { page, shown, held, complaints } = await inboxOf(context, ["One", "Two", "Three", "Four"]);
  const badge = page.getByTestId("bell-badge");
  await badge.filter({ hasText: /^4$/ }).waitFor();
  await page.keyboard.press("j");
  assert.equal(await focused(page), "Four");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  assert.equal(await focused(page), "Three");
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(ring, "none", "where the keys lead is seen");

  await page.keyboard.press("e");
  await badge.filter({ hasText: /^3$/ }).waitFor();
  await page.keyboard.press("x");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.getByText("2 selected").waitFor();
  await page.keyboard.press("#");
  await until("the rows to go", async () => (await shown()) === "Four One");
  assert.equal(await held(), "Four* Three* Two* One*", "the server knows of nothing that can be undone");
  await page.keyboard.press("u");
  await until("the rows to come back", async () => (await shown()) === "Four Three Two One");
  await page.keyboard.press("u");
  await badge.filter({ hasText: /^4$/ }).waitFor();

  // Typing is typing, and a key with a modifier is the browser's.
  await page.keyboard.press("Control+e");
  await page.getByRole("searchbox", { name: "Find a system" }).fill("");
  await page.keyboard.type("e#");
  await page.getByRole("heading", { name: "Systems", level: 1 }).waitFor();
  await page.getByRole("navigation").getByRole("link", { name: "Inbox" }).click();
  await until("the inbox", async () => (await shown()) === "Four Three Two One");
  assert.equal(await held(), "Four* Three* Two* One*");

  // Left alone, a step goes to the server by itself, and shows in another browser.
  await page.keyboard.press("j");
  await page.keyboard.press("e");
  await until("the mark", async () => (await held()) === "Four Three* Two* One*");
  await page.getByRole("button", { name: "Undo" }).waitFor({ state: "detached" });
  await badge.filter({ hasText: /^3$/ }).waitFor();
  assert.deepEqual(complaints, []);
});

test("what_was_done_to_the_inbox_is_kept_when_its_tab_is_closed_at_once", async (context) => {
  const { page, profile, held, shown, complaints } = await inboxOf(context, ["One", "Two", "Three"]);
  await page.keyboard.press("j");
  await page.keyboard.press("e");
  await page.keyboard.press("j");
  await page.keyboard.press("#");
  await until("the row to go", async () => (await shown()) === "Three One");
  assert.equal(await held(), "Three* Two* One*");
  await page.goto("about:blank");
  await until("both steps at the server", async () => (await held()) === "Three One*");

  const other = await profile.newPage();
  await other.goto("/inbox?show=unread");
  await other.getByTestId("inbox-row").getByRole("button", { name: "Mark as read" }).click();
  await other.getByText("All read").waitFor();
  await other.close({ runBeforeUnload: true });
  await until("the mark of the closed tab", async () => (await held()) === "Three One");
  assert.deepEqual(complaints, []);
});

test("all_that_is_marked_as_read_can_be_taken_back_and_outlives_its_tab", async (context) => {
  const MOST = 200;
  const { api, page, profile, complaints } = await inboxOf(context, ["One"]);
  const { id } = await api.call("auth", "getCurrentUserProfile");
  const tell = (title) => api.call("notification", "notifyUsers", { userIds: [id], title, body: "" });
  const unread = async () => (await api.call("notification", "getUnreadCount")).count;
  for (let at = 2; at <= MOST; ++at) await tell(`Notice ${at}`);
  const badge = page.getByTestId("bell-badge");
  await badge.filter({ hasText: /^99\+$/ }).waitFor();
  await page.getByText(`1–20 of ${MOST}`).waitFor();
  const markAll = (of) => of.getByRole("button", { name: "Mark all read" }).click();

  await markAll(page);
  await page.getByText(`${MOST} marked as read`).waitFor();
  await badge.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText(`${MOST} are unread again`).waitFor();
  await badge.filter({ hasText: /^99\+$/ }).waitFor();
  assert.equal(await unread(), MOST, "the server knows of nothing that can be undone");

  // What arrives before the tab is closed stays unread.
  await markAll(page);
  await badge.waitFor({ state: "detached" });
  await tell("News");
  await badge.filter({ hasText: /^1$/ }).waitFor();
  await page.goto("about:blank");
  await until("all but the news to be read", async () => (await unread()) === 1);

  for (let at = 0; at < 20; ++at) await tell(`More ${at}`);
  const other = await profile.newPage();
  await other.goto("/inbox?show=unread");
  await markAll(other);
  await other.getByText("All read").waitFor();
  await other.close({ runBeforeUnload: true });
  await until("all to be read", async () => (await unread()) === 0);
  assert.equal((await api.call("notification", "getNotifications", { limit: 1, offset: 0, unreadOnly: true })).total, 0);

  // Left alone it goes out by itself.
  await page.goto("/inbox");
  for (let at = 0; at < 20; ++at) await tell(`Last ${at}`);
  await badge.filter({ hasText: /^20$/ }).waitFor();
  await markAll(page);
  await badge.waitFor({ state: "detached" });
  assert.equal(await unread(), 20);
  await until("the step to be over", async () => (await unread()) === 0);
  await page.getByRole("button", { name: "Undo" }).waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
});

test("what_the_bell_marks_as_read_can_be_taken_back_from_any_page_by_keys_too", async (context) => {
  const { api, page, complaints } = await inboxOf(context, Array.from({ length: 12 }, (_, at) => `Notice ${at + 1}`));
  const unread = async () => (await api.call("notification", "getUnreadCount")).count;
  const badge = page.getByTestId("bell-badge");
  const bell = page.getByRole("dialog", { name: "Notifications" });
  await page.goto("/settings");
  await badge.filter({ hasText: /^12$/ }).waitFor();
  await page.getByTestId("bell-button").click();
  await bell.getByRole("button", { name: "Mark all read" }).click();
  await page.getByText("12 marked as read").waitFor();
  await badge.waitFor({ state: "detached" });
  await bell.getByText("Nothing new").waitFor();
  assert.deepEqual(await violations(page), []);
  await bell.getByRole("link", { name: "Open inbox" }).click();
  await page.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await badge.filter({ hasText: /^12$/ }).waitFor();
  assert.equal(await unread(), 12, "the server knows of nothing that can be undone");

  // By keyboard alone: the button leaves its place to the panel, and the message is the stop before it.
  await page.getByTestId("bell-button").focus();
  await page.keyboard.press("Enter");
  await bell.getByRole("button", { name: "Mark all read" }).focus();
  await page.keyboard.press("Enter");
  await badge.waitFor({ state: "detached" });
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(page), "Undo");
  await page.keyboard.press("Enter");
  await badge.filter({ hasText: /^12$/ }).waitFor();
  assert.equal(await unread(), 12);

  await page.getByTestId("bell-button").click();
  await bell.getByRole("button", { name: "Mark all read" }).click();
  await badge.waitFor({ state: "detached" });
  await page.goto("about:blank");
  await until("all to be read", async () => (await unread()) === 0);
  assert.deepEqual(complaints, []);
});

test("what_is_told_of_one_thing_is_one_card_that_says_which_channels_got_it", async (context) => {
  let status = 200;
  const receiver = await new Target(context, (_, response) => {
    response.statusCode = status;
    response.end();
  }).up();
  const { api, page, rows, shown, complaints } = await inboxOf(context, ["Deploy finished"]);
  await rows.getByRole("button", { name: "Deploy finished" }).click();
  await page.getByText("It went to your inbox alone.").waitFor();

  const { id } = await api.call("auth", "getCurrentUserProfile");
  await api.useWebhook(receiver.url, "s");
  const tell = (title, state, more = {}) =>
    api.call("notification", "notifyUsers", {
      userIds: [id],
      title,
      body: "",
      collapseKey: "catalog.system.shop",
      subjects: [{ kind: "catalog.system", id: "shop", name: "Shop", url: "/systems/shop", status: state }, { kind: "catalog.system", id: "depot", name: "Depot" }],
      ...more,
    });
  // Nothing is reloaded: the rows, and what becomes of them, come by themselves.
  await tell("Shop is unhealthy", "unhealthy", { importance: "critical" });
  const card = rows.filter({ hasText: "Shop is" });
  await card.getByText("Webhook: delivered").waitFor();
  const subjects = card.getByRole("list", { name: "About" });
  assert.deepEqual(await subjects.first().getByRole("listitem").allTextContents(), ["UnhealthyShop", "Depot"]);
  assert.equal(new URL(await subjects.getByRole("link", { name: "Shop" }).evaluate((link) => link.href)).pathname, "/systems/shop");

  status = 404;
  await tell("Shop is degraded", "degraded", { importance: "warning" });
  await card.getByText("Webhook: refused").waitFor();
  assert.equal(await shown(), "Shop is degraded Deploy finished");
  await card.getByRole("button", { name: "1 earlier" }).click();
  const earlier = card.getByTestId("earlier-row");
  await earlier.getByRole("heading", { name: "Shop is unhealthy" }).waitFor();
  await earlier.getByText("Webhook: delivered").waitFor();
  await card.getByRole("list", { name: "Channels" }).getByText(/404/).waitFor();
  assert.deepEqual(await violations(page), []);

  await card.getByRole("link", { name: "All tries of this notification" }).click();
  await page.getByRole("heading", { name: "Delivery tries", level: 1 }).waitFor();
  const tries = page.getByTestId("attempt-row");
  await tries.getByText("Failed").waitFor();
  assert.equal(await tries.count(), 1);
  await page.getByRole("link", { name: "Show all" }).click();
  await tries.nth(1).getByText("Delivered").waitFor();

  // The card is marked as a whole.
  await page.goBack();
  await page.goBack();
  await page.getByTestId("bell-badge").filter({ hasText: /^3$/ }).waitFor();
  await card.getByRole("button", { name: "Mark as read" }).click();
  await page.getByTestId("bell-badge").filter({ hasText: /^1$/ }).waitFor();
  await page.goto("about:blank");
  await until("both rows to be read", async () => (await api.call("notification", "getUnreadCount")).count === 1);
  assert.deepEqual(complaints, []);
});

test("the_filter_of_the_inbox_begins_at_its_first_page", async (context) => {
  const { page, rows, complaints } = await inboxOf(context, Array.from({ length: 20 }, (_, at) => `Notice ${at + 1}`));
  assert.equal(await rows.count(), 20);
  await page.goto("/inbox?page=2");
  // The second page has nothing, so it leads to the first.
  await until("the first page", () => new URL(page.url()).search === "");
  await rows.nth(19).waitFor();
  await page.getByRole("radio", { name: "All" }).focus();
  await page.keyboard.press("ArrowRight");
  await until("the unread ones", () => new URL(page.url()).search === "?show=unread");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "detached" });
  await page.keyboard.press("j");
  assert.equal(await focused(page), "Notice 20");
  assert.deepEqual(complaints, []);
});

test("the_inbox_is_searched_by_key_and_the_search_stands_in_its_address", async (context) => {
  const { api, page, rows, shown, held, complaints } = await inboxOf(context, ["Disk of the shop", "Depot", "Queue"]);
  const { id } = await api.call("auth", "getCurrentUserProfile");
  await api.call("notification", "notifyUsers", { userIds: [id], title: "Mail", body: "The DISK is full, 100% of it" });
  const field = page.getByRole("searchbox", { name: "Search notifications" });
  const query = () => new URL(page.url()).search;
  await rows.nth(3).waitFor();

  // Letters are letters in the field, those that are keys of the page among them.
  await page.keyboard.press("/");
  await page.keyboard.type("jex#u");
  await page.getByText("No notification has “jex#u”").waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal(await held(), "Mail* Queue* Depot* Disk of the shop*");
  await page.keyboard.press("Escape");
  await until("all of it", async () => query() === "" && (await rows.count()) === 4);
  assert.equal(await field.inputValue(), "");

  // Titles and texts, in any case; what means something to a database means nothing here.
  await page.keyboard.press("/");
  await page.keyboard.type("disk");
  await page.getByText("2 found").waitFor();
  assert.equal(await shown(), "Mail Disk of the shop");
  assert.equal(query(), "?find=disk");
  assert.equal(await page.getByRole("button", { name: "Mark all read" }).count(), 0, "it would be taken for what was found");
  await field.fill("100%");
  await page.getByText("1 found").waitFor();
  await field.fill("1_0%");
  await page.getByText("No notification has “1_0%”").waitFor();
  await field.fill("disk");
  await page.getByText("2 found").waitFor();
  assert.deepEqual(await violations(page), []);

  // Enter goes on to what was found, where keys are keys.
  await page.keyboard.press("Enter");
  await page.keyboard.press("j");
  assert.equal(await focused(page), "Mail");
  await page.keyboard.press("e");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.keyboard.press("#");
  await page.getByText("1 found").waitFor();
  assert.equal(await shown(), "Mail");
  await page.keyboard.press("u");
  await page.getByText("2 found").waitFor();
  await page.keyboard.press("u");
  assert.equal(await held(), "Mail* Queue* Depot* Disk of the shop*");

  // What arrives meanwhile is found by itself, and only that.
  await api.call("notification", "notifyUsers", { userIds: [id], title: "Another disk", body: "" });
  await page.getByText("3 found").waitFor();
  await api.call("notification", "notifyUsers", { userIds: [id], title: "Another queue", body: "" });
  await page.getByTestId("bell-badge").filter({ hasText: /^6$/ }).waitFor();
  assert.equal(await shown(), "Another disk Mail Disk of the shop");

  // The address holds it: over a reload, on the way back and forth, beside the filter, and without a page of another list.
  await page.reload();
  await page.getByText("3 found").waitFor();
  assert.equal(await field.inputValue(), "disk");
  await page.getByRole("button", { name: "Clear search" }).click();
  await until("all of it", async () => query() === "" && (await rows.count()) === 6);
  await page.goBack();
  await page.getByText("3 found").waitFor();
  assert.equal(await field.inputValue(), "disk");
  await page.goForward();
  await until("all of it again", async () => (await field.inputValue()) === "" && (await rows.count()) === 6);
  await page.goto("/inbox?page=2&find=disk");
  await until("the first page", () => query() === "?find=disk");
  await page.getByText("3 found").waitFor();
  await page.getByRole("group", { name: "Show" }).getByText("Unread").click();
  await until("the filter beside it", () => query() === "?show=unread&find=disk");
  assert.deepEqual(complaints, []);
});
