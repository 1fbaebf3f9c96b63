// When a channel may speak: set on the page, kept, and heeded for all but what is critical.
import assert from "node:assert/strict";
import { Api } from "./lib/api.mjs";
import { carrySession, violations, visitor } from "./lib/browser.mjs";
import { Program } from "./lib/program.mjs";
import { test } from "./lib/runner.mjs";
import { Sink } from "./lib/sink.mjs";
import { until } from "./lib/wait.mjs";

/** Neither ours nor the browser's, and without summer time. */
const ZONE = "Asia/Kathmandu";
const HOUR_MS = 3_600_000;

/** What a clock in ZONE shows so many hours from now. */
function clock(hours) {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: ZONE }).format(Date.now() + hours * HOUR_MS);
}

test("what_is_not_critical_waits_for_the_end_of_quiet_hours_and_the_inbox_says_so", async (context) => {
  const sink = await new Sink(context, "s").up();
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { id } = await api.call("auth", "getCurrentUserProfile");
  await api.useWebhook(sink.url, "s");
  const { page, profile, complaints } = await visitor(context, program, { timezoneId: "America/New_York" });
  await carrySession(profile, api);

  const times = page.getByTestId("channel-times");
  const digest = page.getByRole("combobox", { name: "Send" });
  const save = async (said) => {
    await page.getByRole("button", { name: "Save times" }).click();
    await times.getByText(said).waitFor();
  };
  await page.goto("/settings");
  await times.click();
  await digest.selectOption({ label: "Collected, every 15 minutes" });
  await page.getByLabel("Quiet hours").check();
  assert.equal(await page.getByLabel("Time zone").inputValue(), "America/New_York", "the browser's zone is what is offered");
  const [from, to] = [clock(-2), clock(2)];
  await page.getByLabel("From").fill(from);
  await page.getByLabel("To", { exact: true }).fill(to);
  await page.getByLabel("Time zone").fill(ZONE);
  await save(`Collected, every 15 minutes, quiet from ${from} to ${to}`);

  await page.reload();
  await times.getByText(`Collected, every 15 minutes, quiet from ${from} to ${to}`).waitFor();
  await times.click();
  assert.equal(await digest.inputValue(), "15");
  assert.ok(await page.getByLabel("Quiet hours").isChecked());
  assert.equal(await page.getByLabel("From").inputValue(), from);
  assert.equal(await page.getByLabel("To", { exact: true }).inputValue(), to);
  assert.equal(await page.getByLabel("Time zone").inputValue(), ZONE);
  assert.deepEqual(await violations(page), []);

  // Without the digest, so that quiet hours alone hold what comes.
  await digest.selectOption({ label: "Each message at once" });
  await save(`Each message at once, quiet from ${from} to ${to}`);

  const tell = (title, importance) => api.call("notification", "notifyUsers", { userIds: [id], title, body: "", importance });
  await page.getByRole("navigation").getByRole("link", { name: "Inbox" }).click();
  await page.getByText("Your inbox is empty").waitFor();
  await tell("Deploy finished", "info");
  const row = (title) => page.getByTestId("inbox-row").filter({ hasText: title });
  await row("Deploy finished").getByText("Webhook: not sent yet").waitFor();
  await tell("Disk is full", "critical");
  await row("Disk is full").getByText("Webhook: delivered").waitFor();
  await until("the critical one", () => sink.posts.length > 0);

  await row("Deploy finished").getByRole("button", { name: "Deploy finished" }).click();
  await row("Deploy finished").getByText(`Quiet until ${to} (${ZONE})`).waitFor();
  assert.equal(await page.getByText("Webhook: not sent yet").count(), 1);
  assert.deepEqual(await violations(page), []);

  // A critical one that was sent later has come and gone; the other was not even tried.
  await tell("Disk is still full", "critical");
  await row("Disk is still full").getByText("Webhook: delivered").waitFor();
  assert.deepEqual(sink.posts.map(({ body }) => body.title), ["Disk is full", "Disk is still full"]);
  assert.ok(sink.posts.every((post) => sink.verifies(post)));
  assert.equal((await api.call("notification", "getDeliveryAttempts", { limit: 20, offset: 0 })).total, 2);
  assert.deepEqual(complaints, []);
});
