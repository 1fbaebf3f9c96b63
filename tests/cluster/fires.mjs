// Checks that run all the while: each tick of one fires once in the cluster, whoever owns it by then.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { now } from "./draw.mjs";

const CHECKS = 3;
const INTERVAL_S = 1;

/**
 * Judged by what a check's target sees, which knows no ticks: a late fire may be followed by one on time, so two that are close prove nothing, but there
 * are never more fires than ticks. Each process fault may repeat what it interrupted.
 * @param {{arrivals: Map<string, number[]>, intervalMs: number, excused: number}} seen  arrivals: the moments at which each check's target was asked
 */
export function judgeFires({ arrivals, intervalMs, excused }) {
  const problems = [];
  let fires = 0;
  let ticks = 0;
  for (const [check, at] of arrivals) {
    if (at.length === 0) {
      problems.push(`${check} never fired`);
      continue;
    }
    const most = Math.floor((at.at(-1) - at[0]) / intervalMs + 0.5) + 1;
    fires += at.length;
    ticks += most;
    if (at.length > most + excused) problems.push(`${check} fired ${at.length} times in ${most} ticks, ${excused} of them excused`);
  }
  return { problems, fires, ticks };
}

/** The hook for what knows ticks: rows of {schedule, tick}, one a fire, as soon as the program writes them down somewhere. */
export function judgeTicks(rows) {
  const seen = new Set();
  return rows.filter(({ schedule, tick }) => {
    const key = JSON.stringify([schedule, tick]);
    return seen.has(key) || !seen.add(key);
  }).map(({ schedule, tick }) => `${schedule} fired twice at ${tick}`);
}

export class Fires {
  arrivals = new Map();

  static async make(cast) {
    const fires = new Fires();
    fires.server = createServer((request, response) => {
      fires.arrivals.get(request.url.slice(1))?.push(now());
      response.end("fine\n");
    });
    await new Promise((resolve) => fires.server.listen(0, "127.0.0.1", resolve));
    for (let i = 0; i < CHECKS; i++) {
      const name = `check-${i}`;
      fires.arrivals.set(name, []);
      const { id: systemId } = await cast.call("catalog/createSystem", { name });
      const url = `http://127.0.0.1:${fires.server.address().port}/${name}`;
      const collectors = [{ id: randomUUID(), collectorId: "healthcheck-http.request", config: { method: "GET", url }, assertions: [] }];
      const configuration = { name, strategyId: "healthcheck-http.http", config: {}, intervalSeconds: INTERVAL_S, collectors };
      const { id: configurationId } = await cast.call("healthcheck/createConfiguration", configuration);
      await cast.call("healthcheck/associateSystem", { systemId, body: { configurationId } });
    }
    return fires;
  }

  judge(faults) {
    // A process that ended or stood still may have been asking just then.
    const excused = faults.filter(({ what }) => /kill|SIG|nobody|connections|PostgreSQL/.test(what)).length;
    return judgeFires({ arrivals: this.arrivals, intervalMs: INTERVAL_S * 1000, excused });
  }

  async close() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
