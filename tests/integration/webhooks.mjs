// What receivers of webhooks rely on, judged by the verifier that the makers of Standard Webhooks publish.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { Api, Refusal, WEBHOOK } from "../e2e/lib/api.mjs";
import { Program } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { Sink } from "../e2e/lib/sink.mjs";
import { until } from "../e2e/lib/wait.mjs";

const secret = () => `whsec_${randomBytes(32).toString("base64")}`;

/** A sink that answers with the statuses in turn, the last one for ever. */
class Picky extends Sink {
  constructor(context, ...statuses) {
    super(context);
    const record = this.handle;
    this.handle = (request, response) => {
      response.statusCode = statuses[Math.min(this.posts.length, statuses.length - 1)];
      record(request, response);
    };
  }
}

async function setUp(context, ...statuses) {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { id } = await api.call("auth", "getCurrentUserProfile");
  const sink = await new Picky(context, ...statuses).up();
  const use = (config) => api.call("notification", "setUserDeliveryPreference", { strategyId: WEBHOOK, enabled: true, userConfig: { url: sink.url, ...config } });
  const notify = (title) => api.call("notification", "notifyUsers", { userIds: [id], title, body: "**/var** is full" });
  return { api, sink, use, notify };
}

test("N_5_the_published_verifier_of_standard_webhooks_takes_every_try", async (context) => {
  const { sink, use, notify } = await setUp(context, 500, 200);
  const [one, other] = [secret(), secret()];
  await use({ signingSecret: one });
  await notify("Disk full");
  await until("the second try", () => sink.posts.length === 2);
  assert.equal(new Set(sink.ids).size, 1, "the id stays the same");
  for (const post of sink.posts) {
    assert.equal(new Webhook(one).verify(post.raw, post.headers).title, "Disk full");
    assert.throws(() => new Webhook(other).verify(post.raw, post.headers));
    assert.throws(() => new Webhook(one).verify(`${post.raw} `, post.headers));
    assert.throws(() => new Webhook(one).verify(post.raw, { ...post.headers, "webhook-id": "another" }));
  }
  // While the secret changes, receivers with either take it; then those with the new one alone.
  await use({ signingSecret: other, previousSigningSecret: one });
  await notify("Disk fuller");
  await until("the third post", () => sink.posts.length === 3);
  for (const each of [one, other]) assert.equal(new Webhook(each).verify(sink.posts[2].raw, sink.posts[2].headers).title, "Disk fuller");
  await use({ previousSigningSecret: null });
  await notify("Disk fullest");
  await until("the fourth post", () => sink.posts.length === 4);
  assert.equal(new Webhook(other).verify(sink.posts[3].raw, sink.posts[3].headers).title, "Disk fullest");
  assert.throws(() => new Webhook(one).verify(sink.posts[3].raw, sink.posts[3].headers));
  assert.notEqual(sink.ids[2], sink.ids[3]);
});

test("N_9_a_secret_that_no_receiver_could_use_is_refused", async (context) => {
  const { use } = await setUp(context, 200);
  await assert.rejects(use({ signingSecret: "whsec_short" }), (error) => error instanceof Refusal && error.status === 400);
});

test("N_5_a_receiver_that_answers_410_is_asked_no_more_and_its_owner_is_told", async (context) => {
  const { api, sink, use, notify } = await setUp(context, 410);
  await use({});
  await notify("Disk full");
  const told = await until("the inbox to tell", async () => (await api.inbox()).notifications.find(({ title }) => title === "Webhook was switched off for you"));
  assert.equal(told.importance, "warning");
  const channel = (await api.call("notification", "getUserDeliveryChannels")).find(({ strategyId }) => strategyId === WEBHOOK);
  assert.equal(channel.enabled, false);
  assert.equal(sink.posts.length, 1);
});
