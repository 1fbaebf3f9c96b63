// A notification that was accepted is delivered, whatever dies on the way: the program is killed at the two moments where that is hardest.
import assert from "node:assert/strict";
import { Api } from "./lib/api.mjs";
import { Program } from "./lib/program.mjs";
import { test } from "./lib/runner.mjs";
import { Sink } from "./lib/sink.mjs";
import { Target } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

const SECRET = "correct horse battery staple";

/** A server that watches one healthy system, tells its administrator, and halts at a point of the first delivery. */
async function watching(context, pause) {
  const target = await new Target(context).up();
  const sink = await new Sink(context, SECRET).up();
  const program = await new Program(context).start({ WATCHBELL_TEST_PAUSE: pause });
  const api = await new Api(program).onboard();
  await api.useWebhook(sink.url, SECRET);
  const system = await api.watch("Shop", target.url);
  await until("the system to be healthy", async () => (await api.stateOf(system)) === "healthy");
  return { target, sink, program, api };
}

/** Brings the target back and waits for the recovery: whatever was to be sent before it has been sent by then. */
async function recover({ target, sink, api }, posts) {
  await target.up();
  await until("the recovery's webhook", () => sink.posts.some((post) => post.body.importance === "info"));
  assert.equal(sink.posts.length, posts);
  for (const post of sink.posts) assert.ok(sink.verifies(post), "a signature");
  assert.equal((await api.inbox()).total, 2);
}

test("L_4_killed_before_a_delivery_is_sent_it_arrives_once_after_the_restart", async (context) => {
  const scene = await watching(context, "delivery.before_send");
  const { target, sink, program, api } = scene;
  await target.down();
  await program.says("paused delivery.before_send");
  await program.kill();
  assert.equal(sink.posts.length, 0);

  await program.start();
  await until("the webhook", () => sink.posts.length === 1);
  assert.equal(sink.posts[0].body.importance, "critical");
  assert.equal((await api.inbox()).total, 1);
  await recover(scene, 2);
  assert.notEqual(sink.ids[0], sink.ids[1]);
});

test("L_4_killed_after_a_delivery_was_sent_it_arrives_again_under_the_same_id", async (context) => {
  const scene = await watching(context, "delivery.before_record");
  const { target, sink, program, api } = scene;
  await target.down();
  await program.says("paused delivery.before_record");
  await program.kill();
  assert.equal(sink.posts.length, 1);

  await program.start();
  await until("the webhook's second coming", () => sink.posts.length === 2);
  assert.match(sink.ids[0] ?? "", /./);
  assert.equal(sink.ids[1], sink.ids[0]);
  assert.equal(sink.posts[1].body.title, sink.posts[0].body.title);
  assert.equal((await api.inbox()).total, 1);
  await recover(scene, 3);
  assert.notEqual(sink.ids[2], sink.ids[0]);
});
