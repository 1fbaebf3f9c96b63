// The whole way once, as its reader walks it: set up, watch a system, lose it, be told here and elsewhere, read, get it back.
import assert from "node:assert/strict";
import { ADMIN, Api } from "./lib/api.mjs";
import { visitor } from "./lib/browser.mjs";
import { Program } from "./lib/program.mjs";
import { test } from "./lib/runner.mjs";
import { Sink } from "./lib/sink.mjs";
import { Target } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

const SECRET = "correct horse battery staple";

test("the_bell_rings_and_a_signed_webhook_arrives_when_a_system_falls", async (context) => {
  const target = await new Target(context).up();
  const sink = await new Sink(context, SECRET).up();
  const program = await new Program(context).start();
  const { page, profile, complaints } = await visitor(context, program);

  // The first visitor of a fresh server becomes its administrator and is signed in at once.
  await page.goto("/");
  await page.getByLabel("Name").fill(ADMIN.name);
  await page.getByLabel("Email").fill(ADMIN.email);
  await page.getByLabel("Password", { exact: true }).fill(ADMIN.password);
  await page.getByRole("button", { name: "Create administrator" }).click();
  await page.getByRole("heading", { name: "Systems", level: 1 }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/");

  await page.getByRole("link", { name: "Settings" }).first().click();
  await page.getByLabel("URL").fill(sink.url);
  await page.getByLabel("Signing secret", { exact: true }).fill(SECRET);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Send a test" }).click();
  await until("the test notification", () => sink.posts.length === 1);
  assert.ok(sink.verifies(sink.posts[0]), "the signature of the test notification");
  assert.equal(await page.getByRole("switch", { name: "Use Webhook" }).getAttribute("aria-checked"), "true");

  await page.getByRole("link", { name: "Systems" }).first().click();
  await page.getByRole("link", { name: "Add system" }).first().click();
  await page.getByLabel("Name").fill("Shop");
  await page.getByLabel("URL").fill(target.url);
  await page.getByLabel("Interval (seconds)").fill("1");
  await page.getByText("Advanced").click();
  await page.getByLabel("Degraded after failures").fill("2");
  await page.getByLabel("Unhealthy after failures").fill("2");
  await page.getByLabel("Healthy after successes").fill("1");
  assert.equal(await page.getByRole("switch", { name: "Tell me" }).getAttribute("aria-checked"), "true");
  await page.getByRole("button", { name: "Add system" }).click();
  await page.getByRole("heading", { name: "Shop", level: 1 }).waitFor();

  await page.getByRole("link", { name: "Systems" }).first().click();
  const row = page.getByTestId("system-row").filter({ hasText: "Shop" });
  await row.getByText("Healthy", { exact: true }).waitFor();
  // Becoming known is no news.
  assert.equal(await page.getByTestId("bell-badge").count(), 0);

  // From here nothing is clicked or reloaded: the page must follow by itself.
  let loads = 0;
  page.on("load", () => ++loads);
  const second = await profile.newPage();
  await second.goto("/inbox");
  await second.getByText("Your inbox is empty").waitFor();
  await target.down();
  await page.getByTestId("bell-badge").filter({ hasText: /^1$/ }).waitFor();
  await second.getByTestId("bell-badge").filter({ hasText: /^1$/ }).waitFor();
  await row.getByText("Unhealthy", { exact: true }).waitFor();
  await second.getByTestId("inbox-row").filter({ hasText: "Shop" }).waitFor();
  assert.equal(loads, 0);

  await until("the webhook", () => sink.posts.length >= 2);
  const alarm = sink.posts[1];
  assert.equal(alarm.method, "POST");
  assert.ok(sink.verifies(alarm), "the signature of the alarm");
  assert.equal(alarm.body.version, 1);
  assert.equal(alarm.body.importance, "critical");
  assert.match(alarm.body.title, /Shop/);
  assert.match(alarm.headers["webhook-id"] ?? "", /./);
  assert.match(alarm.headers["user-agent"] ?? "", /^Watchbell-Webhook\//);

  await page.bringToFront(); // a tab in the background draws a frame a second
  await page.getByTestId("bell-button").click();
  const panel = page.getByRole("dialog", { name: "Notifications" });
  await panel.getByText(/Shop/).first().waitFor();
  await panel.getByRole("link", { name: "Open inbox" }).click();
  const notice = page.getByTestId("inbox-row");
  await notice.waitFor();
  assert.equal(await notice.count(), 1);
  await notice.getByRole("button", { name: "Mark as read" }).click();
  await page.getByTestId("bell-badge").waitFor({ state: "detached" });
  await second.getByTestId("bell-badge").waitFor({ state: "detached" });

  await target.up();
  await page.getByTestId("bell-badge").filter({ hasText: /^1$/ }).waitFor();
  // What is told of one system is one card.
  await notice.getByRole("button", { name: "1 earlier" }).click();
  assert.equal(await notice.count(), 1);
  await notice.getByTestId("earlier-row").getByText("Critical").waitFor();
  await until("the recovery's webhook", () => sink.posts.length >= 3);
  const recovery = sink.posts[2];
  assert.ok(sink.verifies(recovery), "the signature of the recovery");
  assert.equal(recovery.body.importance, "info");

  // One outage was one alarm and one recovery, each sent once: nothing else has come while all this happened.
  const reader = await new Api(program).signIn();
  assert.equal((await reader.inbox()).total, 2);
  assert.equal(sink.posts.length, 3);
  assert.equal(new Set(sink.ids).size, 3);
  assert.deepEqual(complaints, []);
});
