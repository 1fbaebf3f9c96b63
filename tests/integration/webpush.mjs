// Pushes to browsers, read by the decoder that the makers of the encryption publish, and judged as a push service does.
import assert from "node:assert/strict";
import { createECDH, createPublicKey, randomBytes, verify } from "node:crypto";
import ece from "http_ece";
import { Api, Refusal } from "../e2e/lib/api.mjs";
import { Program } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { Target } from "../e2e/lib/target.mjs";
import { until } from "../e2e/lib/wait.mjs";

const WEB_PUSH = "notification-webpush.webpush";
const base64url = (text) => Buffer.from(text, "base64url");

/** A push service that answers each subscription with its statuses in turn, the last one for ever. */
class PushService extends Target {
  pushes = [];
  statuses = {};

  constructor(context) {
    super(context, (request, response) => {
      const before = this.pushes.filter(({ path }) => path === request.url).length;
      this.pushes.push({ path: request.url, headers: request.headers, raw: request.raw });
      const answers = this.statuses[request.url] ?? [201];
      response.writeHead(answers[Math.min(before, answers.length - 1)]).end();
    });
  }
}

/** A browser: its keys, and what it reads of a push. */
class Browser {
  #ecdh = createECDH("prime256v1");
  #auth = randomBytes(16);

  constructor(service, path) {
    this.path = path;
    this.endpoint = new URL(path, service.url).href;
    this.#ecdh.generateKeys();
  }
  get subscription() {
    return { endpoint: this.endpoint, expirationTime: null, keys: { p256dh: this.#ecdh.getPublicKey("base64url"), auth: this.#auth.toString("base64url") } };
  }
  read(push) {
    return JSON.parse(ece.decrypt(push.raw, { version: "aes128gcm", privateKey: this.#ecdh, authSecret: this.#auth.toString("base64url") }).toString());
  }
}

/** Judges the sender as RFC 8292 has it; answers the claims. */
function judge({ headers }, publicKey) {
  const [, token, key] = /^vapid t=([\w-]+\.[\w-]+\.[\w-]+), k=([\w-]+)$/.exec(headers.authorization);
  assert.equal(key, publicKey);
  const point = base64url(key);
  const jwk = { kty: "EC", crv: "P-256", x: point.subarray(1, 33).toString("base64url"), y: point.subarray(33).toString("base64url") };
  const [head, claims, signature] = token.split(".");
  assert.deepEqual(JSON.parse(base64url(head)), { typ: "JWT", alg: "ES256" });
  assert.ok(verify("sha256", Buffer.from(`${head}.${claims}`), { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" }, base64url(signature)));
  return JSON.parse(base64url(claims));
}

async function setUp(context) {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { id } = await api.call("auth", "getCurrentUserProfile");
  const service = await new PushService(context).up();
  const { publicKey } = await api.call("notification", "getPushKey");
  const subscribe = async (path) => {
    const browser = new Browser(service, path);
    await api.call("notification", "addPushSubscription", browser.subscription);
    return browser;
  };
  const notify = (more) => api.call("notification", "notifyUsers", { userIds: [id], title: "Disk full", body: "**/var** is full", ...more });
  const channel = async () => (await api.call("notification", "getUserDeliveryChannels")).find(({ strategyId }) => strategyId === WEB_PUSH);
  return { program, api, service, publicKey, subscribe, notify, channel };
}

test("N_5_a_browser_reads_what_is_pushed_and_the_push_service_knows_who_sent_it", async (context) => {
  const { program, service, publicKey, subscribe, notify } = await setUp(context);
  const [one, other] = [await subscribe("/p/one"), await subscribe("/p/other")];
  await notify({ importance: "critical", action: { label: "Open", url: "/systems/1" } });
  await until("both pushes", () => service.pushes.length === 2);
  for (const browser of [one, other]) {
    const push = service.pushes.find(({ path }) => path === browser.path);
    const read = browser.read(push);
    assert.deepEqual([read.title, read.body, read.importance, read.url], ["Disk full", "/var is full", "critical", `${program.base}/systems/1`]);
    assert.throws(() => (browser === one ? other : one).read(push));
    const { headers } = push;
    assert.deepEqual([headers["content-encoding"], headers.urgency, headers.ttl], ["aes128gcm", "high", "86400"]);
    assert.match(headers.topic, /^[\w-]{1,32}$/);
    const { aud, exp } = judge(push, publicKey);
    assert.equal(aud, new URL(service.url).origin);
    const hours = (exp - Date.now() / 1000) / 3600;
    assert.ok(hours > 0 && hours <= 24, String(hours));
  }
  // The longest there is fits into one push.
  await notify({ title: "&\"".repeat(100), body: "\"\\ ü ".repeat(2000), action: { label: "Open", url: `https://x.example/${"&".repeat(2000)}` } });
  await until("the long ones", () => service.pushes.length === 4);
  for (const push of service.pushes.slice(2)) assert.ok(push.raw.length <= 4096, String(push.raw.length));
  assert.equal(one.read(service.pushes.slice(2).find(({ path }) => path === one.path)).title, "&\"".repeat(100));
});

test("N_5_a_subscription_that_ended_is_forgotten_and_a_busy_service_is_tried_again", async (context) => {
  const { service, subscribe, notify, channel } = await setUp(context);
  service.statuses = { "/gone": [410], "/lost": [404], "/busy": [503, 201], "/fine": [201] };
  for (const path of Object.keys(service.statuses)) await subscribe(path);
  await notify();
  await until("the second try", () => service.pushes.filter(({ path }) => path === "/busy").length === 2);
  assert.equal((await channel()).userConfig.devices.length, 2);
  const topics = service.pushes.filter(({ path }) => path === "/busy").map(({ headers }) => headers.topic);
  assert.equal(topics[0], topics[1], "a repetition takes the place of what was not handed over");
  assert.deepEqual(Object.keys(service.statuses).map((at) => service.pushes.filter(({ path }) => path === at).length), [1, 1, 2, 1]);
});

test("N_9_subscriptions_are_ones_own_survive_a_restart_and_show_no_secret", async (context) => {
  const { program, api, service, publicKey, subscribe, notify, channel } = await setUp(context);
  const browser = await subscribe("/p/S3CRET");
  const shown = JSON.stringify(await channel());
  for (const secret of ["S3CRET", ...Object.values(browser.subscription.keys)]) assert.ok(!shown.includes(secret), secret);
  await program.stop();
  await program.start();
  assert.equal((await api.call("notification", "getPushKey")).publicKey, publicKey);
  await notify();
  await until("the push", () => service.pushes.length === 1);
  assert.equal(browser.read(service.pushes[0]).title, "Disk full");
  judge(service.pushes[0], publicKey);
  assert.deepEqual(await api.call("notification", "sendTestNotification", { strategyId: WEB_PUSH }), { success: true });
  await until("the test", () => service.pushes.length === 2);
  assert.deepEqual(await api.call("notification", "removePushSubscription", { endpoint: browser.endpoint }), { success: true });
  assert.equal((await channel()).isConfigured, false);
  const bad = { ...browser.subscription, keys: { ...browser.subscription.keys, auth: "x" } };
  await assert.rejects(api.call("notification", "addPushSubscription", bad), (error) => error instanceof Refusal && error.status === 400);
  await assert.rejects(api.call("notification", "addPushSubscription", { ...browser.subscription, endpoint: "ftp://x" }), (error) => error instanceof Refusal && error.status === 400);
  await assert.rejects(new Api(program).call("notification", "getPushKey"), (error) => error instanceof Refusal && error.status === 401);
});

test("N_14_a_subscription_is_no_way_into_a_guarded_network", async (context) => {
  const program = new Program(context);
  await program.start({ WATCHBELL_EGRESS_ALLOW: "" });
  const api = await new Api(program).onboard();
  const service = await new PushService(context).up();
  await api.call("notification", "getPushKey");
  await api.call("notification", "addPushSubscription", new Browser(service, "/p").subscription);
  const { success, error } = await api.call("notification", "sendTestNotification", { strategyId: WEB_PUSH });
  assert.equal(success, false, error);
  assert.deepEqual(service.pushes, []);
});
