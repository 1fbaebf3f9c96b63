// A way out as its administrator has it: switched on and set up for everybody, and tried on himself before anybody relies on it.
import assert from "node:assert/strict";
import { Api } from "./lib/api.mjs";
import { carrySession, violations, visitor } from "./lib/browser.mjs";
import { Program } from "./lib/program.mjs";
import { test } from "./lib/runner.mjs";
import { Sink } from "./lib/sink.mjs";

const TOPIC = "ada-4f81c2";

test("an_administrator_sets_a_strategy_up_and_sends_himself_a_test", async (context) => {
  const ntfy = await new Sink(context, "").up();
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  // So high that nothing scrolls beneath the bar, where half a switch would be too small a target.
  const { page, profile, complaints } = await visitor(context, program, { height: 2_400 });
  await carrySession(profile, api);

  const tryIt = page.getByRole("button", { name: "Send a test to yourself: ntfy" });
  const delivered = page.getByText("The test was delivered.");
  const failed = page.getByText(/^The test failed: /);
  await page.goto("/administration");
  await page.getByRole("button", { name: "Send a test to yourself: Webhook" }).waitFor();
  assert.equal(await tryIt.count(), 0, "what is switched off is not tested");
  await page.getByRole("switch", { name: "Allow ntfy" }).click();
  await tryIt.waitFor();
  await page.getByLabel("Settings of ntfy").click();
  const form = page.getByRole("form", { name: "ntfy" });
  await form.getByLabel("Server URL").fill(ntfy.url);
  await page.getByText("A test uses what is saved. Save first.").waitFor();
  assert.ok(await tryIt.isDisabled(), "what is typed is not tested");
  assert.deepEqual(await violations(page), []);
  await form.getByRole("button", { name: "Save" }).click();
  await page.getByText("A test uses what is saved. Save first.").waitFor({ state: "detached" });

  // It goes to a topic of his own, which he has not named yet: he is led to where he does.
  await tryIt.click();
  await failed.waitFor();
  const lead = page.getByRole("link", { name: "Set up ntfy for yourself" });
  await lead.waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal(ntfy.posts.length, 0);
  await lead.click();
  const own = page.getByRole("group", { name: "ntfy", exact: true });
  await own.getByLabel("Topic").fill(TOPIC);
  await own.getByRole("button", { name: "Save" }).click();
  await own.getByText("Active", { exact: true }).waitFor();

  await page.getByRole("link", { name: "Administration" }).first().click();
  await tryIt.click();
  await delivered.waitFor();
  assert.equal(ntfy.posts.length, 1);
  assert.equal(ntfy.posts[0].body.topic, TOPIC);
  assert.equal(ntfy.posts[0].body.title, "Test notification");
  assert.deepEqual(await violations(page), []);

  // What goes wrong is told as it is to who runs it; how the one before ended is no longer said.
  await ntfy.down();
  await tryIt.click();
  await failed.waitFor();
  assert.equal(await delivered.count(), 0);
  assert.equal(await lead.count(), 0, "his own address is not why");
  await page.getByRole("switch", { name: "Allow ntfy" }).click();
  await tryIt.waitFor({ state: "detached" });
  await page.getByRole("switch", { name: "Allow ntfy" }).click();
  await tryIt.waitFor();
  assert.equal(await failed.count(), 0);
  assert.deepEqual(complaints, []);
});
