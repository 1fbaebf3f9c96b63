// What the listener for metrics tells of a server that was used: each series is counted, under its own labels.
import assert from "node:assert/strict";
import { Api } from "../e2e/lib/api.mjs";
import { freePort } from "../e2e/lib/port.mjs";
import { Program } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { Sink } from "../e2e/lib/sink.mjs";
import { until } from "../e2e/lib/wait.mjs";
import { RawWebSocket } from "./lib/raw.mjs";

/** A started program whose metrics `scrape()` reads as a map from series, labels and all, to value. */
export async function measured(context, env = {}) {
  const listen = `127.0.0.1:${await freePort()}`;
  const program = await new Program(context).start({ WATCHBELL_METRICS_LISTEN: listen, ...env });
  const text = async (path = "/metrics") => (await fetch(`http://${listen}${path}`)).text();
  const scrape = async () => new Map([...(await text()).matchAll(/^(watchbell_.+) (\S+)$/gm)].map(([, series, value]) => [series, Number(value)]));
  return { program, text, scrape, url: `http://${listen}` };
}

test("every_series_is_counted_under_its_own_labels", async (context) => {
  const { program, text, scrape } = await measured(context);
  const api = await new Api(program).onboard();
  const socket = await RawWebSocket.open(context, program, { cookie: api.cookie, origin: program.base });
  await socket.json();
  const sink = await new Sink(context, "0123456789abcdef").up();
  await api.useWebhook(sink.url, sink.secret);
  const system = await api.call("catalog", "createSystem", { name: "Shop" });
  await api.call("catalog", "getSystems");
  await api.call("catalog", "getSystems");
  await api.call("healthcheck", "getSystemHealthStatus", { systemId: system.id });
  await api.call("catalog", "deleteSystem", system.id);
  const { id } = await api.call("auth", "getCurrentUserProfile");
  await api.call("notification", "notifyUsers", { userIds: [id], title: "Deployed", body: "Version 2 is out", importance: "info" });
  await until("the webhook", () => sink.posts.length === 1);

  const expected = [
    'cache_requests_total{scope="catalog",result="hit"}',
    'cache_requests_total{scope="catalog",result="miss"}',
    'cache_requests_total{scope="healthcheck",result="miss"}',
    'cache_loader_seconds_count{scope="catalog"}',
    'cache_loader_seconds_count{scope="auth"}',
    'cache_loader_seconds_count{scope="healthcheck"}',
    'cache_loader_seconds_sum{scope="catalog"}',
    'cache_invalidations_total{scope="catalog",kind="family",result="applied"}',
    'cache_invalidations_total{scope="auth",kind="key",result="applied"}',
    'cache_entries{scope="auth"}',
    'cache_bytes{scope="auth"}',
    'signals_emitted_total{signal="notification.received"}',
    'signals_delivered_total{signal="notification.received"}',
    'ws_connections{kind="user"}',
    'queue_wait_seconds_count{queue="delivery",status="done"}',
    'queue_run_seconds_count{queue="event.catalog.system.deleted",status="done"}',
    'queue_run_seconds_sum{queue="delivery",status="done"}',
    'queue_attempts_total{queue="delivery",status="done"}',
    'hook_deliveries_total{hook="catalog.system.deleted",mode="durable",result="ok"}',
    'http_request_seconds_count{route="rpc"}',
    'db_pool_connections{state="idle"}',
    "runtime_lag_seconds_count",
    "runtime_lag_seconds_sum",
  ].map((series) => `watchbell_${series}`);
  let found;
  await until("every series to be counted", async () => {
    found = await scrape();
    return expected.every((series) => found.get(series) > 0);
  }).catch(() => assert.deepEqual(expected.filter((series) => !(found.get(series) > 0)), [], "series that stay at 0 or are missing"));
  for (const queue of ["dispatch", "delivery", "event.catalog.system.deleted"])
    for (const state of ["waiting", "delayed", "running", "failed"]) assert.equal(found.get(`watchbell_queue_jobs{queue="${queue}",state="${state}"}`), 0);
  for (const state of ["busy", "waiting"]) assert.ok(found.has(`watchbell_db_pool_connections{state="${state}"}`));
  assert.deepEqual([...found.keys()].filter((series) => series.includes('"other"')), []);

  const types = new Set([...(await text()).matchAll(/^# TYPE watchbell_(\S+ \S+)$/gm)].map(([, type]) => type));
  const counters = "cache_requests_total cache_fill_discarded_total cache_invalidations_total cache_provider_errors_total cache_evictions_total signals_emitted_total signals_delivered_total signals_dropped_total queue_attempts_total hook_deliveries_total";
  const gauges = "cache_invalidation_backlog cache_invalidation_lag_seconds cache_entries cache_bytes ws_connections queue_jobs db_pool_connections";
  const histograms = "cache_loader_seconds cache_provider_seconds queue_wait_seconds queue_run_seconds http_request_seconds runtime_lag_seconds";
  for (const [type, names] of Object.entries({ counter: counters, gauge: gauges, histogram: histograms }))
    for (const name of names.split(" ")) assert.ok(types.has(`${name} ${type}`), `${name} ${type}`);
});

test("jobs_that_wait_or_failed_are_counted_by_queue", async (context) => {
  const { program, scrape } = await measured(context);
  const api = await new Api(program).onboard();
  const sink = await new Sink(context, "0123456789abcdef").up();
  await api.useWebhook(sink.url, sink.secret);
  await sink.down(); // nobody answers: the delivery waits for its next try
  const { id } = await api.call("auth", "getCurrentUserProfile");
  await api.call("notification", "notifyUsers", { userIds: [id], title: "Deployed", body: "Version 2 is out", importance: "info" });
  await until("the delivery to wait", async () => {
    const found = await scrape();
    return found.get('watchbell_queue_jobs{queue="delivery",state="delayed"}') === 1 && found.get('watchbell_queue_attempts_total{queue="delivery",status="retry"}') === 1;
  });
});

test("L_5_what_is_asked_for_makes_no_series", async (context) => {
  const { program, scrape, url } = await measured(context);
  const api = await new Api(program).onboard();
  const before = new Set((await scrape()).keys());
  for (let i = 0; i < 20; ++i) {
    await fetch(`${program.base}/api/forged${i}/procedure${i}`);
    await fetch(`${program.base}/forged${i}`);
    await fetch(`${url}/forged${i}`);
    await assert.rejects(api.call("healthcheck", `forged${i}`));
  }
  const made = [...(await scrape()).keys()].filter((series) => !before.has(series));
  assert.deepEqual(made.filter((series) => !/^watchbell_http_request_seconds.*route="(route|page)"/.test(series)), []);
});
