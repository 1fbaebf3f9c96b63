// What goes wrong in a run, all of it drawn from its seed, and how it is done.
import { until } from "../e2e/lib/wait.mjs";
import { between, drawing, now, pause, shuffled } from "./draw.mjs";

/** The lease of a process, and what others add to it before they take it for gone. */
export const LEASE_MS = 2000;
export const MARGIN_MS = 250;

/** Of one process: how long it lasts, in milliseconds, and what it takes. */
const OF_A_PROCESS = {
  "kill -9": { forMs: [100, 2500], alone: true },
  "SIGSTOP past the lease": { forMs: [LEASE_MS + 1200, LEASE_MS + 4000], alone: true },
  "SIGSTOP within the lease": { forMs: [100, LEASE_MS - 200], alone: true },
  "SIGTERM": { forMs: [0, 500], alone: true },
  "bus cut": { forMs: [0, 0] },
  "bus refused": { forMs: [500, 4000] },
  "bus held": { forMs: [2500, 6000] },
  "bus delayed": { forMs: [2000, 5000], delayMs: [20, 150] },
  "reaches nobody": { forMs: [LEASE_MS + 1000, LEASE_MS + 3000] },
  "connections cut": { forMs: [0, 0] },
};
const OF_ALL = {
  "PostgreSQL restarted": { forMs: [0, 0], needs: "postgres" },
  "PostgreSQL crashes": { forMs: [0, 0], needs: "postgres" },
  "PostgreSQL frozen": { forMs: [300, 3000], needs: "postgres" },
  "Redis frozen": { forMs: [300, 4000], needs: "redis" },
  "Redis flushed": { forMs: [0, 0], needs: "redis" },
  "Redis restarted": { forMs: [0, 0], needs: "redis" },
};

/** The faults of a run: two lists, each played one after the other, `{waitMs, what, process?, forMs, delayMs?}`. Each kind comes once before any comes again. */
export function faultsOf(seed, { seconds, processes, postgres = true, redis = false }) {
  const lane = (name, kinds, pauseMs) => {
    const draw = drawing(seed, "faults", name);
    const faults = [];
    if (kinds.length === 0) return faults;
    for (let at = 0, deck = []; ; ) {
      if (deck.length === 0) deck = shuffled(draw, kinds);
      const [what, { forMs, delayMs }] = deck.pop();
      const fault = { waitMs: Math.round(between(draw, ...pauseMs)), what, forMs: Math.round(between(draw, ...forMs)) };
      if (name === "process") fault.process = Math.floor(draw() * processes);
      if (delayMs !== undefined) fault.delayMs = Math.round(between(draw, ...delayMs));
      at += fault.waitMs + fault.forMs;
      if (at > seconds * 1000 - 3000) return faults;
      faults.push(fault);
    }
  };
  return {
    process: lane("process", Object.entries(OF_A_PROCESS).filter(([, { alone }]) => postgres || alone), [500, 2500]),
    all: lane("all", Object.entries(OF_ALL).filter(([, { needs }]) => (needs === "postgres" ? postgres : redis)), [5000, 12_000]),
  };
}

export function described({ waitMs, what, process, forMs, delayMs }) {
  const where = process === undefined ? "" : ` process ${process + 1}:`;
  return `after ${waitMs} ms${where} ${what}${forMs > 0 ? ` for ${forMs} ms` : ""}${delayMs === undefined ? "" : `, by ${delayMs} ms`}`;
}

/** Starts a process until it stays: what it needs may be gone just then. */
async function back(member) {
  let last;
  await until(`${member.name} to start again`, async () => {
    try {
      await member.start();
      return true;
    } catch (error) {
      last = error;
      await pause(200);
      return false;
    }
  }, 60_000).catch((error) => {
    throw new Error(error.message, { cause: last });
  });
}

const DEEDS = {
  async "kill -9"(member, { forMs }) {
    await member.kill();
    await pause(forMs);
    await back(member);
  },
  async SIGTERM(member, { forMs }) {
    const code = await member.stop();
    if (code !== 0) throw new Error(`${member.name} ended with ${code} on SIGTERM\n${member.said.slice(-2000)}`);
    await pause(forMs);
    await back(member);
  },
  async "SIGSTOP past the lease"(member, { forMs }) {
    await member.freeze();
    await pause(forMs);
    await member.thaw();
  },
  async "bus cut"(member) {
    member.cutBus();
  },
  async "bus refused"(member, { forMs }) {
    member.refuseBus();
    await pause(forMs);
    member.heal();
  },
  async "bus held"(member, { forMs }) {
    member.holdBus();
    await pause(forMs);
    member.heal();
  },
  async "bus delayed"(member, { forMs, delayMs }) {
    member.delayBus(delayMs);
    await pause(forMs);
    member.heal();
  },
  async "reaches nobody"(member, { forMs }) {
    member.part();
    await pause(forMs);
    member.heal();
  },
  async "connections cut"(member) {
    member.cut();
  },
  "PostgreSQL restarted": (cluster) => cluster.postgres.restart(),
  "PostgreSQL crashes": (cluster) => cluster.postgres.restart({ crash: true }),
  async "PostgreSQL frozen"(cluster, { forMs }) {
    await cluster.postgres.freeze();
    await pause(forMs);
    await cluster.postgres.thaw();
  },
  async "Redis frozen"(cluster, { forMs }) {
    await cluster.redis.freeze();
    await pause(forMs);
    await cluster.redis.thaw();
  },
  "Redis flushed": (cluster) => cluster.redis.flush(),
  "Redis restarted": (cluster) => cluster.redis.restart(),
};
DEEDS["SIGSTOP within the lease"] = DEEDS["SIGSTOP past the lease"];

/** Faults in which a write through that process waits: writers mostly go elsewhere. */
const HANGING = ["reaches nobody"];

export class Faults {
  /** {what, process, began, ended} in the order they began. */
  done = [];
  #stopping = false;
  #stop;
  #stopped = new Promise((resolve) => (this.#stop = resolve));

  constructor(cluster, plan, { say = () => {} } = {}) {
    Object.assign(this, { cluster, plan, say });
  }

  /** Plays both lists. What it throws is a finding of its own: a process that does not come back, or does not end in order. */
  async play() {
    await Promise.all([this.#lane(this.plan.process), this.#lane(this.plan.all)]);
  }

  /** Lets nothing begin any more. */
  stop() {
    this.#stopping = true;
    this.#stop();
  }

  async #lane(faults) {
    for (const fault of faults) {
      await Promise.race([pause(fault.waitMs), this.#stopped]);
      if (this.#stopping) return;
      const member = fault.process === undefined ? undefined : this.cluster.members[fault.process];
      const entry = { what: fault.what, process: fault.process, began: now(), ended: undefined };
      this.done.push(entry);
      this.say(`${(entry.began / 1000).toFixed(1)} s: ${described(fault)}`);
      if (member !== undefined) member.troubled = HANGING.includes(fault.what) || fault.what.startsWith("SIG") || fault.what.startsWith("kill");
      try {
        await DEEDS[fault.what](member ?? this.cluster, fault);
      } finally {
        entry.ended = now();
        if (member !== undefined) member.troubled = false;
      }
    }
  }
}

/** Undoes whatever was done: everybody runs and reaches everybody. */
export async function healed(cluster) {
  await cluster.postgres?.thaw();
  await cluster.redis?.thaw();
  for (const member of cluster.members) {
    member.heal();
    if (member.frozen) await member.thaw();
    if (!member.runs) await back(member);
    member.troubled = false;
  }
}
