// One run: a cluster, what is done to it, and what became of it.
import { check } from "./checker.mjs";
import { Client } from "./client.mjs";
import { now, pause } from "./draw.mjs";
import { Faults, described as describedFault, faultsOf, healed } from "./faults.mjs";
import { Fires } from "./fires.mjs";
import { measure } from "./latency.mjs";
import { Notifications } from "./notifications.mjs";
import { Cast, registersOf } from "./registers.mjs";
import { Workload } from "./workload.mjs";
import { Cluster } from "../../tools/cluster/cluster.mjs";

/** How often the history is checked while it is made: a run that looks for a fault ends with the first. */
const CHECK_EVERY_MS = 2000;

/**
 * @param {{program, seconds, seed, processes, sqlite, redis, off}} options  off: the guard that is switched off; the run ends when that was noticed
 * @returns what was seen: {violations, problems, notifications, fires, faults, counts, latency, foundAfterMs}
 */
export async function play({ program, seconds, seed, processes, sqlite = false, redis = false, off, say = console.log, keep = () => {} }) {
  const postgres = !sqlite;
  // Pauses between the tries of a delivery are 1,000 times shorter, so that none is waited for.
  const env = { WATCHBELL_TEST_HURRY: "1000", WATCHBELL_LOG_LEVEL: "warn", ...(off === undefined ? {} : { WATCHBELL_TEST_OFF: off }) };
  const endings = [];
  const cluster = await Cluster.start({ program, processes, postgres, redis, env });
  endings.push(() => cluster.end());
  const seen = { problems: [] };
  try {
    const { members } = cluster;
    const client = new Client(members[0]);
    endings.push(async () => client.close());
    const cast = await Cast.make(client);
    const registers = await registersOf(cast, { seconds });
    const notifications = await Notifications.make(cast, { members, seed });
    endings.push(() => notifications.close());
    const fires = await Fires.make(cast);
    endings.push(() => fires.close());

    const plan = faultsOf(seed, { seconds, processes, postgres, redis });
    for (const lane of [plan.process, plan.all]) for (const fault of lane) say(`plan: ${describedFault(fault)}`);
    const workload = new Workload({ members, registers, seed });
    endings.push(async () => workload.close());
    const faults = new Faults(cluster, plan, { say });
    const began = now();
    say(`the run begins at ${(began / 1000).toFixed(1)} s`);
    workload.start();
    notifications.start();
    let fell; // what could not be done, a process that does not come back
    const playing = faults.play().catch((error) => (fell = error));
    while (now() - began < seconds * 1000 && fell === undefined) {
      await pause(Math.min(CHECK_EVERY_MS, Math.max(0, seconds * 1000 - (now() - began))));
      const found = off === undefined ? undefined : check(workload.history)[0];
      if (found === undefined) continue;
      // The read that told it had ended by then.
      seen.foundAfterMs = found.read.ended - began;
      break;
    }
    faults.stop();
    await playing;
    if (fell !== undefined) seen.problems.push(`a fault could not be played: ${fell.stack}${fell.cause === undefined ? "" : `\n${fell.cause.stack}`}`);
    await healed(cluster);
    say(`everything is healed at ${(now() / 1000).toFixed(1)} s`);
    await workload.stop();
    seen.faults = faults.done;
    // Without a guard nothing else is promised either.
    if (off === undefined) {
      seen.notifications = await notifications.stop();
      seen.fires = fires.judge(faults.done);
    }
    seen.counts = { ...workload.counts, latest: workload.operations.length };
    seen.history = workload.history;
    seen.violations = check(seen.history);
    seen.problems.push(...workload.problems);
    if (off === undefined && fell === undefined) {
      seen.latency = await measure({ cast, members, postgres });
      if (postgres && processes > 1) {
        for (const member of members.slice(1)) await member.stop();
        seen.alone = await measure({ cast, members: members.slice(0, 1), postgres });
      }
    }
    return seen;
  } catch (error) {
    keep(cluster.folder);
    throw error;
  } finally {
    if (seen.violations?.length > 0 || seen.problems.length > 0) keep(cluster.folder);
    for (const ending of endings.reverse()) await ending();
  }
}
