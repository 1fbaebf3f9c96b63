// The long runs of `make chaos`: seeds one after the other, each bounded in time, and a record of how they went.
//   node tests/chaos/run.mjs --program build/release/watchbell [--seeds 1000] [--from 1] [--at-once 1] [--notifications 300] [--kills 20] [--minutes N] [--record FOLDER] [--keep FOLDER]
//   node tests/chaos/run.mjs --program ... --seed N    that one alone, its plan printed first
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { options } from "../e2e/lib/runner.mjs";
import { inTime } from "../e2e/lib/wait.mjs";
import { described, planOf } from "./plan.mjs";
import { World, markOf, play } from "./play.mjs";

const chosen = options(process.argv.slice(2), ["program", "seed", "seeds", "from", "at-once", "notifications", "kills", "minutes", "record", "keep"]);
if (chosen.program === undefined) throw new Error("--program PATH is missing");
const number = (name, fallback) => (chosen[name] === undefined ? fallback : Number(chosen[name]));
const size = { notifications: number("notifications", 300), kills: number("kills", 20) };
const from = number("seed", number("from", 1));
const seeds = chosen.seed === undefined ? number("seeds", 1000) : 1;
const within = 180_000 + size.notifications * 60; // of one seed, in milliseconds
const until = chosen.minutes === undefined ? Infinity : Date.now() + Number(chosen.minutes) * 60_000;

const played = [];
const failed = [];
const began = Date.now();
let next = from;

/** Takes one seed after the other, in a world of its own. */
async function worker() {
  const endings = [];
  const autopsies = [];
  const context = {
    options: { program: resolve(chosen.program) },
    after: (ending) => endings.push(ending),
    onFailure: (autopsy) => autopsies.push(autopsy),
    keep: (file) => {
      if (chosen.keep === undefined) return undefined;
      mkdirSync(chosen.keep, { recursive: true });
      return join(chosen.keep, file);
    },
  };
  try {
    const world = await World.make(context, size);
    while (next < from + seeds && Date.now() < until) {
      const seed = next++;
      const plan = described(planOf(seed, size));
      if (chosen.seed !== undefined) console.log(plan);
      autopsies.length = 0;
      try {
        const one = { ...(await inTime(`the end of seed ${seed}`, play(world, seed), within)), plan: markOf(plan) };
        played.push(one);
        console.log(`seed ${seed}: ${one.deliveries} deliveries, ${one.requests} requests, ${one.kills} kills with ${one.inFlight.reduce((a, b) => a + b, 0)} in flight, ${one.duplicates} duplicates, ${one.seconds.toFixed(1)} s`);
      } catch (error) {
        for (const autopsy of autopsies) await autopsy();
        failed.push({ seed, plan: markOf(plan), reason: String(error.message).slice(0, 4000) });
        console.log(`seed ${seed} FAILED: ${error.stack ?? error.message}`);
      }
    }
  } finally {
    for (const ending of endings.reverse()) await ending();
  }
}
await Promise.all(Array.from({ length: number("at-once", 1) }, worker));
played.sort((a, b) => a.seed - b.seed);

const sum = (of) => played.reduce((total, one) => total + of(one), 0);
const figures = {
  asked: seeds, ran: played.length + failed.length, failed: failed.length, notifications: sum((p) => p.notifications), deliveries: sum((p) => p.deliveries), requests: sum((p) => p.requests), kills: sum((p) => p.kills),
  inFlightAtKills: sum((p) => p.inFlight.reduce((a, b) => a + b, 0)), duplicates: sum((p) => p.duplicates), mostDuplicatesOfASeed: Math.max(0, ...played.map((p) => p.duplicates)), refusedWhileFull: sum((p) => p.refusedWhileFull), minutes: Number(((Date.now() - began) / 60_000).toFixed(1)),
};
console.log(JSON.stringify(figures));
if (chosen.record !== undefined) {
  const git = (...args) => spawnSync("git", args).stdout.toString().trim();
  const date = new Date().toISOString().slice(0, 10);
  const commit = git("rev-parse", "HEAD");
  const record = {
    question: "is every accepted notification delivered, none after its final refusal, and none twice but for a kill, over receivers that fail in every way, kills -9 and a full disk",
    date, commit, dirty: git("status", "--porcelain") !== "", cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, seeds: { from, to: from + figures.ran - 1 }, ...size, figures, failed,
    raw: played.map(({ seed, plan, seconds, requests, duplicates, inFlight }) => ({ seed, plan, seconds: Number(seconds.toFixed(1)), requests, duplicates, inFlight: inFlight.reduce((a, b) => a + b, 0) })),
  };
  mkdirSync(chosen.record, { recursive: true });
  const file = join(chosen.record, `${date}-${commit.slice(0, 8)}-chaos-${size.notifications}.json`);
  const { raw, ...head } = record;
  writeFileSync(file, `${JSON.stringify(head, null, 1).replace(/\n}$/, "")},\n "raw": [\n${raw.map((one) => `  ${JSON.stringify(one)}`).join(",\n")}\n ]\n}\n`);
  console.log(`record: ${file}`);
}
console.log(`${played.length} passed, ${failed.length} failed`);
process.exit(failed.length === 0 && played.length > 0 ? 0 : 1);
