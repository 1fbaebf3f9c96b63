// How often one may ask: the limits of the program as it is started, and what they are worth against a client that lies about where it comes from.
import assert from "node:assert/strict";
import { request as send } from "node:http";
import { ADMIN, Api } from "../e2e/lib/api.mjs";
import { Program } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { Sink } from "../e2e/lib/sink.mjs";
import { until } from "../e2e/lib/wait.mjs";
import { measured } from "./metrics.mjs";

/** As it is without settings, but that no try comes back while a test runs. */
const LIMITS = { WATCHBELL_RATE_LIMIT_PRINCIPAL: "100/400", WATCHBELL_RATE_LIMIT_ADDRESS: "200/1000", WATCHBELL_RATE_LIMIT_SIGN_IN: "3/1000s" };

/** A POST from any address of the loopback network: `{status, headers, text}`. fetch() cannot choose where it comes from. */
function post(program, path, body, { headers = {}, from = "127.0.0.1" } = {}) {
  return new Promise((resolve, reject) => {
    const request = send({ host: "127.0.0.1", port: program.port, path, method: "POST", localAddress: from, headers: { "content-type": "application/json", ...headers } }, (response) => {
      let text = "";
      response.on("data", (part) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on("error", reject);
    request.end(JSON.stringify(body));
  });
}

/** The statuses of a number of wrong sign-ins, one after the other. */
async function guess(program, count, options = () => ({})) {
  const statuses = [];
  for (let i = 0; i < count; i++) statuses.push((await post(program, "/api/auth/sign-in/email", { email: ADMIN.email, password: `Wrong-${i}` }, options(i))).status);
  return statuses;
}

const counted = (statuses) => Object.fromEntries([...new Set(statuses)].sort().map((status) => [status, statuses.filter((each) => each === status).length]));

test("AUTHCHECK_10_a_rotating_or_missing_forwarding_header_does_not_evade_the_limit_of_sign_ins", async (context) => {
  const program = await new Program(context).start(LIMITS);
  await new Api(program).onboard(); // one of the three tries
  const headers = (i) => [{}, { "x-forwarded-for": `203.0.113.${i}` }, { "x-real-ip": `203.0.113.${i}` }, { forwarded: `for=203.0.113.${i}` }][i % 4];
  assert.deepEqual(counted(await guess(program, 12, (i) => ({ headers: headers(i) }))), { 401: 2, 429: 10 });
  const refused = await post(program, "/api/auth/sign-in/email", ADMIN);
  assert.equal(refused.status, 429);
  assert.deepEqual(JSON.parse(refused.text), { message: "Too many requests. Please try again later." });
  assert.ok(Number(refused.headers["retry-after"]) > 300 && Number(refused.headers["retry-after"]) <= 334, refused.headers["retry-after"]);
  assert.equal(refused.headers["x-retry-after"], refused.headers["retry-after"]);
  assert.equal(refused.headers["cache-control"], "no-store");
  // One client cannot use up another's tries, nor is he shut out of what he does elsewhere.
  assert.equal((await post(program, "/api/auth/sign-in/email", ADMIN, { from: "127.0.0.2" })).status, 200);
  assert.equal((await fetch(`${program.base}/api/auth/get-session`)).status, 200);
});

test("AUTHCHECK_10_behind_a_proxy_each_client_has_tries_of_his_own_and_no_more", async (context) => {
  const program = await new Program(context).start({ ...LIMITS, WATCHBELL_TRUSTED_PROXIES: "127.0.0.1" });
  const rotating = await guess(program, 8, (i) => ({ headers: { "x-forwarded-for": `198.51.100.${i}, 203.0.113.1` } }));
  assert.deepEqual(counted(rotating), { 401: 3, 429: 5 });
  const another = await guess(program, 4, () => ({ headers: { "x-forwarded-for": "203.0.113.2" } }));
  assert.deepEqual(another, [401, 401, 401, 429]);
  const direct = await guess(program, 4, (i) => ({ from: "127.0.0.9", headers: { "x-forwarded-for": `203.0.113.${10 + i}` } }));
  assert.deepEqual(direct, [401, 401, 401, 429]);
});

test("an_address_and_a_principal_have_their_bursts_and_refusals_are_counted", async (context) => {
  const { program, scrape } = await measured(context, { WATCHBELL_RATE_LIMIT_ADDRESS: "1/60", WATCHBELL_RATE_LIMIT_PRINCIPAL: "1/20", WATCHBELL_RATE_LIMIT_SIGN_IN: "off" });
  const api = await new Api(program).onboard();
  /** So many calls: the answers to those let through, and to those refused. Tokens come back while it lasts. */
  const ask = async (count, burst, options) => {
    const began = performance.now();
    const answers = [];
    for (let i = 0; i < count; i++) answers.push(await post(program, "/api/notification/getUnreadCount", {}, options));
    const refused = answers.filter(({ status }) => status === 429);
    const passed = count - refused.length;
    assert.ok(passed >= burst && passed <= burst + Math.ceil((performance.now() - began) / 1000), `${passed} of ${count}`);
    return refused;
  };
  const ofAnn = await ask(40, 20, { headers: { cookie: api.cookie }, from: "127.0.0.3" });
  const ofVisitor = await ask(70, 60, { from: "127.0.0.4" });
  for (const { headers, text } of [ofAnn[0], ofVisitor[0]]) {
    assert.equal(JSON.parse(text).json.code, "TOO_MANY_REQUESTS");
    assert.equal(headers["retry-after"], "1");
  }
  for (const path of ["/healthz", "/readyz"]) assert.equal((await fetch(program.base + path)).status, 200);
  const series = await scrape();
  assert.equal(series.get('watchbell_http_refused_total{limit="principal"}'), ofAnn.length);
  assert.equal(series.get('watchbell_http_refused_total{limit="address"}'), ofVisitor.length);
  assert.ok(!program.stderr.includes("status=429"), "a flood would fill the disk that the log is on");
});

test("deliveries_go_out_at_the_rate_an_operator_set_and_none_is_lost", async (context) => {
  const [burst, perSecond, count] = [5, 20, 40];
  const program = await new Program(context).start({ WATCHBELL_DELIVERY_RATE_PER_HOST: `${perSecond}/${burst}` });
  const api = await new Api(program).onboard();
  const { id } = await api.call("auth", "getCurrentUserProfile");
  const sink = await new Sink(context).up();
  await api.call("notification", "setUserDeliveryPreference", { strategyId: "notification-webhook.webhook", enabled: true, userConfig: { url: sink.url } });
  const titles = Array.from({ length: count }, (_, i) => `Message ${i}`);
  const began = performance.now();
  await Promise.all(titles.map((title) => api.call("notification", "notifyUsers", { userIds: [id], title, body: "" })));
  await until("all of them", () => sink.posts.length === count);
  assert.ok(performance.now() - began >= (1000 * (count - burst)) / perSecond, "no more than the rate allows");
  assert.deepEqual(sink.posts.map(({ body }) => body.title).sort(), titles.toSorted());
  const attempts = async () => (await api.call("notification", "getDeliveryAttempts", {})).total;
  await until("the last to be written down", async () => (await attempts()) >= count);
  assert.equal(await attempts(), count, "waiting was no try");
});
