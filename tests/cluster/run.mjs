// A cluster under a random workload while everything that can go wrong does, judged by a history checker:
//   node tests/cluster/run.mjs --program build/release/watchbell [--seconds 120] [--seed N] [--processes 3] [--redis yes] [--off GUARD] [--keep FOLDER] [PART OF A TEST'S NAME...]
//   node tests/cluster/run.mjs --program ... --sqlite yes      one process on SQLite
//   node tests/cluster/run.mjs --pieces yes                    only the tests of the checker, the proxies and the balancer
// --off: the program runs with that guard switched off (wait, lease, scan, empty), and the run has to notice. The last line is "N passed, M failed".
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { options, run, test } from "../e2e/lib/runner.mjs";
import { described } from "./checker.mjs";
import { LEASE_MS, MARGIN_MS } from "./faults.mjs";
import { describedLatency, judgeLatency } from "./latency.mjs";
import { play } from "./play.mjs";

const GUARDS = ["wait", "lease", "scan", "empty"];
const SHOWN = 10;

const chosen = options(process.argv.slice(2), ["program", "seconds", "seed", "processes", "redis", "sqlite", "off", "keep", "pieces"]);
const yes = (name) => {
  if (![undefined, "yes", "no"].includes(chosen[name])) throw new Error(`--${name} is yes or no`);
  return chosen[name] === "yes";
};
if (chosen.off !== undefined && !GUARDS.includes(chosen.off)) throw new Error(`--off is one of ${GUARDS.join(", ")}`);

if (chosen.off === undefined) await import("./pieces.mjs");
if (!yes("pieces")) {
  if (chosen.program === undefined) throw new Error("--program PATH is missing");
  const sqlite = yes("sqlite");
  const size = {
    seed: Number(chosen.seed ?? randomInt(1, 1_000_000)),
    seconds: Number(chosen.seconds ?? 120),
    processes: Number(chosen.processes ?? (sqlite ? 1 : 3)),
    sqlite,
    redis: yes("redis"),
    off: chosen.off,
  };
  const where = sqlite ? "on SQLite" : `over PostgreSQL${size.redis ? " and Redis" : ""}`;
  console.log(`seed ${size.seed}: ${size.processes} ${where}, ${size.seconds} s${size.off === undefined ? "" : `, without the guard "${size.off}"`}`);
  try {
    const seen = await play({ ...size, program: resolve(chosen.program), keep: keepLogs });
    tell(seen);
    keepHistory(size.seed, seen);
    if (size.off === undefined) judge(size, seen);
    else judgeWithout(size, seen);
  } catch (error) {
    test("the_run_comes_to_its_end", async () => {
      throw error;
    });
  }
}
process.exit(await run(chosen));

function tell({ counts, faults, notifications, fires, latency, alone, violations }) {
  console.log(`${counts.writes} writes and ${counts.reads} reads, ${counts.notNow} calls refused for now, ${counts.unanswered} without an answer; ${faults.length} faults`);
  if (notifications !== undefined) {
    const { accepted, deliveries, duplicates } = notifications;
    console.log(`${accepted} notifications accepted, ${deliveries} deliveries, ${duplicates} of them more than once; checks fired ${fires.fires} times in ${fires.ticks} ticks`);
  }
  if (latency !== undefined) for (const line of describedLatency(latency)) console.log(line);
  if (alone !== undefined) console.log(`alone: ${describedLatency(alone)[0]}`);
  for (const violation of violations.slice(0, SHOWN)) console.log(described(violation));
  if (violations.length > SHOWN) console.log(`... and ${violations.length - SHOWN} more`);
}

function judge({ seed, seconds, processes }, { counts, faults, notifications, fires, latency, violations, problems, history }) {
  const none = (list) => assert.equal(list.length, 0, `seed ${seed}: ${list.length} problems\n${list.slice(0, SHOWN).join("\n")}`);
  test("no_read_is_older_than_a_mutation_that_had_returned_before_it_began", async () => none(violations.map(described)));
  test("every_call_that_had_to_be_taken_was_taken", async () => none(problems));
  test("the_run_was_worth_it", async () => {
    assert.ok(counts.writes > seconds && counts.reads > 10 * seconds, "hardly anything was written or read");
    const ended = history.operations.filter(({ outcome = "ok" }) => outcome === "ok");
    const done = new Set(ended.map(({ register, kind, process }) => `${kind} ${register}${kind === "read" ? ` ${process}` : ""}`));
    assert.equal(done.size, Object.keys(history.registers).length * (1 + processes), "not everything was written, and read at every process");
    assert.ok(seconds < 60 || faults.length > seconds / 20, "hardly anything went wrong");
  });
  test("every_accepted_notification_arrives_and_stands_once_in_its_inbox", async () => none(notifications.problems));
  test("no_tick_of_a_check_fires_twice", async () => none(fires.problems));
  if (latency === undefined) return; // something did not come back, which is a problem above
  test("a_mutation_waits_for_a_frozen_process_no_longer_than_its_lease", async () => none(judgeLatency(latency, { leaseMs: LEASE_MS, marginMs: MARGIN_MS })));
}

function judgeWithout({ seed, seconds, off }, { violations, foundAfterMs }) {
  test(`without_the_guard_${off}_a_stale_read_is_found`, async () => {
    assert.ok(violations.some(({ kind }) => kind === "stale"), `seed ${seed}: nothing was found in ${seconds} s`);
    if (foundAfterMs !== undefined) console.log(`        found after ${(foundAfterMs / 1000).toFixed(1)} s`);
  });
}

function keepLogs(folder) {
  if (chosen.keep === undefined) return;
  mkdirSync(chosen.keep, { recursive: true });
  cpSync(join(folder, "logs"), join(chosen.keep, "logs"), { recursive: true });
}
function keepHistory(seed, { faults, history }) {
  if (chosen.keep === undefined) return;
  mkdirSync(chosen.keep, { recursive: true });
  writeFileSync(join(chosen.keep, `history-${seed}.json`), JSON.stringify({ seed, faults, ...history }));
}
