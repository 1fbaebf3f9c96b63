// A short run of tests/chaos: what was accepted arrives, whatever dies on the way.
import assert from "node:assert/strict";
import { described, planOf } from "../chaos/plan.mjs";
import { World, play } from "../chaos/play.mjs";
import { test } from "../e2e/lib/runner.mjs";

const SIZE = { notifications: 300, kills: 20 };

test("L_4_whatever_was_accepted_arrives_over_twenty_kills_and_a_full_disk", async (context) => {
  const seed = Number(process.env.WATCHBELL_TEST_SEED ?? 1);
  // The same seed is the same run of faults and kills, another one is not.
  assert.equal(described(planOf(seed, SIZE)), described(planOf(seed, SIZE)));
  assert.notEqual(described(planOf(seed, SIZE)), described(planOf(seed + 1, SIZE)));
  const played = await play(await World.make(context, SIZE), seed);
  assert.equal(played.kills, SIZE.kills);
  assert.ok(played.refusedWhileFull > 0);
  console.log(`        ${JSON.stringify(played)}`);
});
