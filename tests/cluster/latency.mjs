// How long a mutation takes: with everybody there, with one process frozen, afterwards; and how often it goes to the database.
import { until } from "../e2e/lib/wait.mjs";
import { Client } from "./client.mjs";
import { pause } from "./draw.mjs";

const WRITES = 200;

/** The value below which a share of them lies. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}
const told = (values) => ({ p50: percentile(values, 0.5), p99: percentile(values, 0.99), most: Math.max(...values), count: values.length });

/**
 * Nothing else may be going on.
 * @param {{cast, members, postgres}} world  postgres: whether there is one
 */
export async function measure({ cast, members, postgres }) {
  const clients = members.map((member) => new Client(member));
  try {
    const { id } = await cast.call("catalog/createSystem", { name: `latency of ${members.length}` });
    let version = 0;
    /** One write through a process, after everybody was made to remember what it changes. */
    const write = async (through, awake) => {
      await Promise.all(awake.map(({ index }) => clients[index].call("catalog/getSystem", { systemId: id }, cast.admin)));
      const began = performance.now();
      await clients[through.index].call("catalog/updateSystem", { id, data: { description: `${++version}` } }, cast.admin);
      return performance.now() - began;
    };
    const many = async (awake, count = WRITES) => {
      const took = [];
      for (let i = 0; i < count; i++) took.push(await write(awake[i % awake.length], awake));
      return took;
    };
    await many(members, 20);
    const result = { processes: members.length, healthy: told(await many(members)) };
    if (postgres) {
      // Those of the process that writes, without those that it makes by itself; what it does not wait for is among them.
      const made = () => members[0].database.roundTrips;
      const idleBegan = performance.now();
      const idleFrom = made();
      await pause(3000);
      const aMs = (made() - idleFrom) / (performance.now() - idleBegan);
      const from = made();
      const began = performance.now();
      for (let i = 0; i < 50; i++) await clients[0].call("catalog/updateSystem", { id, data: { description: `${++version}` } }, cast.admin);
      result.roundTrips = (made() - from - aMs * (performance.now() - began)) / 50;
    }
    if (members.length < 2) return result;
    const frozen = members.at(-1);
    const others = members.slice(0, -1);
    await frozen.freeze();
    try {
      // Who cannot be asked is waited for once, and no more.
      result.frozenFirst = await write(others[0], others);
      result.frozenThen = told(await many(others, 50));
    } finally {
      await frozen.thaw();
    }
    await until("the frozen process to serve again", () => clients[frozen.index].call("catalog/getSystem", { systemId: id }, cast.admin).then(() => true));
    await many(members, 20);
    result.afterwards = told(await many(members));
    return result;
  } finally {
    for (const client of clients) client.close();
  }
}

/** What is too slow. @param slackMs  beyond lease and margin, for a machine with better things to do */
export function judgeLatency({ healthy, frozenFirst, frozenThen, afterwards }, { leaseMs, marginMs, slackMs = 500 }) {
  if (frozenFirst === undefined) return [];
  const problems = [];
  const most = leaseMs + marginMs;
  if (frozenFirst > most + slackMs) problems.push(`with a process frozen a mutation took ${frozenFirst.toFixed(0)} ms, and the lease and its margin are ${most} ms`);
  for (const [when, { p50 }] of [["once the frozen process was out of it", frozenThen], ["afterwards", afterwards]])
    if (p50 > 5 * healthy.p50 + 50) problems.push(`${when} half the mutations took ${p50.toFixed(1)} ms or more, ${healthy.p50.toFixed(1)} ms before`);
  return problems;
}

export function describedLatency({ processes, healthy, roundTrips, frozenFirst, frozenThen, afterwards }) {
  const ms = ({ p50, p99, most }) => `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, most ${most.toFixed(1)} ms`;
  const trips = roundTrips === undefined ? "" : `; ${roundTrips.toFixed(1)} database round trips each`;
  const lines = [`mutation, ${processes} ${processes === 1 ? "process" : "healthy processes"}: ${ms(healthy)}${trips}`];
  if (frozenFirst !== undefined) lines.push(`mutation, one process frozen: the first ${frozenFirst.toFixed(0)} ms, those after it ${ms(frozenThen)}`);
  if (afterwards !== undefined) lines.push(`mutation, afterwards: ${ms(afterwards)}`);
  return lines;
}
