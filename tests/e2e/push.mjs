// Pushes in a real browser. Its own push service is out of reach here: what would come from there is handed to the worker by the browser's debugger.
import assert from "node:assert/strict";
import { Api } from "./lib/api.mjs";
import { carrySession, visitor } from "./lib/browser.mjs";
import { Program } from "./lib/program.mjs";
import { test } from "./lib/runner.mjs";
import { until } from "./lib/wait.mjs";

test("a_pushed_message_is_shown_once_by_the_worker_that_the_server_serves", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { page, profile, complaints } = await visitor(context, program);
  await carrySession(profile, api);
  await profile.grantPermissions(["notifications"]);
  const debug = await profile.newCDPSession(page);
  let registrationId;
  debug.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
    for (const each of registrations) if (!each.isDeleted) registrationId = each.registrationId;
  });
  await debug.send("ServiceWorker.enable");
  await page.goto("/settings");
  const here = page.getByRole("switch", { name: "Show notifications in this browser" });
  await until("the switch to be there for this browser", () => here.isEnabled());
  await page.evaluate(async () => {
    await navigator.serviceWorker.register("/push-worker.js");
    await navigator.serviceWorker.ready;
  });
  await until("the worker to be known", () => registrationId !== undefined);
  const data = JSON.stringify({ id: "d1", title: "Disk full", body: "/var is full", importance: "critical", url: `${program.base}/systems/1`, at: "2026-01-02T03:04:05.678Z" });
  // A repetition takes the place of what is shown.
  for (let i = 0; i < 2; ++i) await debug.send("ServiceWorker.deliverPushMessage", { origin: program.base, registrationId, data });
  const shown = () => page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body, tag, data }) => ({ title, body, tag, data })));
  await until("the message to be shown", async () => (await shown()).length > 0);
  assert.deepEqual(await shown(), [{ title: "Disk full", body: "/var is full", tag: "d1", data: { url: `${program.base}/systems/1` } }]);
  assert.deepEqual(complaints, []);
});
