// A short run of tests/chaos: what was accepted arrives, whatever dies on the way.
import assert from "node:assert/strict";
import { judge } from "../chaos/judge.mjs";
import { CHANNELS, described, isFinal, isTaken, planOf } from "../chaos/plan.mjs";
import { World, play } from "../chaos/play.mjs";
import { test } from "../e2e/lib/runner.mjs";

const SIZE = { notifications: 300, kills: 20 };

/** What is seen of a run in which everything goes well. */
function allWell() {
  const plan = planOf(1, { notifications: 40, kills: 1 });
  const deliveries = new Map();
  const states = new Map();
  const inbox = new Map();
  for (const { title, recipients } of plan.sends) {
    inbox.set(title, `${recipients.length} ${recipients.length}`);
    for (const user of recipients) {
      for (const channel of CHANNELS) {
        const key = `${channel}/${user}/${title}`;
        const requests = [];
        for (let at = 0; requests.length === 0 || !isFinal(requests.at(-1).deed); at += 2000) {
          const deed = plan.deed(channel, user, title, requests.length + 1);
          requests.push({ at, id: `id ${key}`, deed, answered: at + 1 });
        }
        deliveries.set(key, requests);
        states.set(key, { id: `id ${key}`, state: isTaken(requests.at(-1).deed) ? "delivered" : "refused", attempts: requests.length, reason: "" });
      }
    }
  }
  const others = [{ channel: "ntfy", user: plan.users.indexOf("gone"), title: "Webhook was switched off" }];
  return { plan, deliveries, others, states, inbox, kills: [] };
}

test("the_judge_of_a_chaos_run_sees_what_is_lost_repeated_or_too_early", () => {
  assert.deepEqual(judge(allWell()), { problems: [], duplicates: 0 });
  const key = [...allWell().deliveries].find(([, requests]) => requests.length === 1 && isTaken(requests[0].deed))[0];
  const busy = [...allWell().deliveries].find(([name, requests]) => name.startsWith("webhook") && requests[0].deed === "busy")[0];
  const again = (seen) => seen.deliveries.get(key).push({ ...seen.deliveries.get(key)[0], at: 10_000, answered: 10_001 });
  const spoilt = {
    "asked again after its final answer": again,
    "it never arrived": (seen) => seen.deliveries.delete(key),
    "the delivery ended dead": (seen) => (seen.states.get(key).state = "dead"),
    "there is no delivery": (seen) => seen.states.delete(key),
    "inbox rows": (seen) => seen.inbox.set(seen.plan.sends[0].title, "2 1"),
    "before Retry-After was over": (seen) => (seen.deliveries.get(busy)[1].at = 500),
    "not the same webhook-id": (seen) => (seen.deliveries.get(busy)[0].id = "another"),
    "nobody told": (seen) => (seen.others = []),
  };
  for (const [complaint, spoil] of Object.entries(spoilt)) {
    const seen = allWell();
    spoil(seen);
    assert.ok(judge(seen).problems.some((problem) => problem.includes(complaint)), complaint);
  }
  // A kill excuses what was running at it, and nothing else.
  const killed = (at, ...running) => {
    const seen = allWell();
    again(seen);
    seen.kills = [{ at, running: new Set(running) }];
    return judge(seen).problems.length;
  };
  assert.equal(killed(5000, `id ${key}`), 0);
  assert.equal(killed(5000, "another", "one more"), 1);
  assert.equal(killed(20_000, `id ${key}`), 1);
});

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
