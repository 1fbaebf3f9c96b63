// Plays a plan against the built program and judges what became of every notification that was accepted.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { Api, Refusal, WEBHOOK } from "../e2e/lib/api.mjs";
import { Program, temporaryFolder } from "../e2e/lib/program.mjs";
import { inTime, until } from "../e2e/lib/wait.mjs";
import { Disk } from "./disk.mjs";
import { judge } from "./judge.mjs";
import { CHANNELS, planOf } from "./plan.mjs";
import { Receivers } from "./receivers.mjs";

const STRATEGIES = { webhook: WEBHOOK, ntfy: "notification-ntfy.ntfy", gotify: "notification-gotify.gotify" };
/** How much shorter the pauses between tries are: 5 ms, 0.3 s, 1.8 s instead of 5 s, 5 min, 30 min. */
const HURRY = 1000;
const PASSWORD = "Bell-1-rings";
const SENDERS = 4;
const SETTLED_WITHIN_MS = 90_000;
const MOST_PROBES = 500;

const turn = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The receivers, and a data folder with one user for each, made once for any number of runs. */
export class World {
  static async make(context, size) {
    const world = new World();
    world.size = size;
    world.context = context;
    const plan = planOf(0, size);
    world.receivers = await new Receivers(plan).up();
    context.after(() => world.receivers.down());
    world.template = temporaryFolder(context);
    const program = await new Program(context, { data: world.template }).start();
    const admin = await new Api(program).onboard();
    const set = (strategyId, config) => admin.call("notification", "updateDeliveryStrategy", { strategyId, enabled: true, config });
    await set(STRATEGIES.webhook, { timeoutSeconds: 3 });
    await set(STRATEGIES.ntfy, { serverUrl: world.receivers.ntfy });
    await set(STRATEGIES.gotify, { serverUrl: world.receivers.gotify });
    world.users = [];
    for (let user = 0; user < plan.users.length; user++) {
      const email = `user-${user}@example.com`;
      await admin.call("auth", "createCredentialUser", { name: `User ${user}`, email, password: PASSWORD });
      const api = await new Api(program).signIn({ email, password: PASSWORD });
      world.users.push((await api.call("auth", "getCurrentUserProfile")).id);
      const own = { webhook: { url: world.receivers.webhooks[user], signingSecret: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" }, ntfy: { topic: `user-${user}` }, gotify: { appToken: `user${user}` } };
      for (const channel of CHANNELS) await api.call("notification", "setUserDeliveryPreference", { strategyId: STRATEGIES[channel], enabled: true, userConfig: own[channel] });
    }
    assert.equal(await program.stop(), 0);
    return world;
  }
}

/** One run. What it answers is for people; what is wrong it throws. */
export async function play(world, seed) {
  const plan = planOf(seed, world.size);
  const endings = [];
  const context = { ...world.context, after: (ending) => endings.push(ending) };
  const { receivers } = world;
  receivers.begin(plan);
  try {
    return await new Run(world, plan, context).play();
  } finally {
    for (const ending of endings.reverse()) await ending();
    receivers.begin(plan); // whoever was left hanging goes
  }
}

class Run {
  /** What was running at each kill, by delivery id. */
  kills = [];
  accepted = 0;
  refusedWhileFull = 0;
  retriedSends = 0;
  notes = [];

  constructor(world, plan, context) {
    Object.assign(this, { world, plan, context, receivers: world.receivers });
  }

  async play() {
    const began = performance.now();
    this.disk = new Disk(48 + Math.ceil(this.plan.rows / 40));
    this.context.after(() => this.disk.down());
    await this.disk.up();
    const data = `${this.disk.place}/data`;
    this.inside("cp", "-r", this.world.template, data);
    this.program = new Program(this.context, { data, wrap: this.disk.enter });
    await this.start();
    this.admin = await new Api(this.program).signIn();

    const sends = [...this.plan.sends];
    const feeding = Promise.all(Array.from({ length: SENDERS }, async () => {
      for (let send = sends.shift(); send !== undefined; send = sends.shift()) await this.send(send);
    }));
    feeding.catch(() => {}); // seen below
    for (const event of this.plan.events) {
      // A send that fails for good ends the run at once.
      await Promise.race([inTime(`request ${event.after}`, this.receivers.came(event.after), SETTLED_WITHIN_MS), feeding.then(() => new Promise(() => {}))]);
      await (event.what === "kill" ? this.kill(event) : this.fillTheDisk(event));
    }
    await feeding;
    assert.equal(this.accepted, this.plan.sends.length);
    await this.settle();
    const { plan, receivers: { deliveries, others }, states, inbox, kills } = this;
    const { problems, duplicates } = judge({ plan, deliveries, others, states, inbox, kills });
    if (problems.length > 0) throw new Error(`seed ${plan.seed}: ${problems.length} problems\n${problems.slice(0, 10).join("\n")}`);
    await this.program.kill();
    return {
      seed: this.plan.seed, notifications: this.plan.rows, deliveries: this.states.size, requests: this.receivers.arrivals, kills: this.kills.length,
      inFlight: this.kills.map(({ running }) => running.size), duplicates, retriedSends: this.retriedSends, refusedWhileFull: this.refusedWhileFull, seconds: (performance.now() - began) / 1000,
    };
  }

  inside(...command) {
    const [file, ...args] = [...this.disk.enter, ...command];
    return execFileSync(file, args);
  }

  start() {
    return this.program.start({ WATCHBELL_TEST_HURRY: String(HURRY), WATCHBELL_LOG_LEVEL: "warn" });
  }

  /** Until it is accepted: under one key, so that a lost answer sends nothing twice. */
  async send({ title, recipients, body = "x".repeat(500) }) {
    const input = { userIds: recipients.map((user) => this.world.users[user]), title, body, importance: "warning", idempotencyKey: `key-${title}` };
    for (let tries = 1; ; tries++) {
      try {
        const { notifiedCount } = await this.admin.call("notification", "notifyUsers", input);
        assert.equal(notifiedCount, recipients.length);
        this.accepted += 1;
        return;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        // No connection, a broken one, or a refusal for now; anything else is a finding.
        if (error instanceof Refusal && error.status < 500) throw error;
        if (this.full && error instanceof Refusal) this.refusedWhileFull += 1;
        if (tries > 2000) throw new Error(`${title} is never accepted`, { cause: error });
        this.retriedSends += 1;
        await turn(25);
      }
    }
  }

  async kill({ waitMs }) {
    await turn(waitMs);
    await this.program.kill();
    // What it had sent may still wait to be read here: that was before its end, too.
    await this.receivers.drained();
    const at = performance.now();
    const running = this.disk.query("select json_extract(payload, '$.delivery') from jobs where queue = 'delivery' and state = 'running'");
    this.kills.push({ at, running: new Set(running) });
    await this.start();
  }

  async fillTheDisk({ forMs }) {
    this.disk.fill();
    this.full = true;
    const before = this.refusedWhileFull;
    const began = performance.now();
    const probing = [];
    try {
      // What is asked for now is refused sooner or later: the log may have some megabytes of room left in it.
      for (let more = 0; this.refusedWhileFull === before; more++) {
        if (more === MOST_PROBES) throw new Error("no send is refused for want of space");
        const probe = { title: `n-${this.plan.sends.length}`, recipients: [0], body: "x".repeat(10_000) };
        this.plan.sends.push(probe);
        let over = false;
        probing.push(this.send(probe).finally(() => (over = true)));
        await until("a send to be accepted or refused", () => over || this.refusedWhileFull > before, SETTLED_WITHIN_MS);
      }
      await turn(Math.max(0, forMs - (performance.now() - began)));
    } finally {
      this.full = false;
      this.disk.free();
    }
    await Promise.all(probing);
  }

  /** Waits until every delivery has ended, and reads what the server made of them. */
  async settle() {
    await until("every delivery to end", async () => {
      const counts = await this.admin.call("notification", "getDeliveryAttempts", { limit: 1 });
      if (counts.total === this.last) {
        const left = this.disk.query("select (select count(*) from deliveries where state = 'pending') || ' ' || (select count(*) from jobs)")[0];
        this.left = left;
        return left === "0 0";
      }
      this.last = counts.total;
      await turn(200);
      return false;
    }, SETTLED_WITHIN_MS).catch((error) => {
      const jobs = this.disk.query("select queue, state, count(*), max(coalesce(last_error, '')) from jobs group by queue, state");
      throw new Error(`${error.message}; pending deliveries and jobs: ${this.left}\n${jobs.join("\n")}`);
    });
    const columns = "d.id, d.strategy_id, d.user_id, s.title, d.state, d.attempts, coalesce(d.reason, '')";
    this.states = new Map(this.disk.query(`select ${columns} from deliveries d join dispatches s on s.id = d.dispatch_id`).map((line) => {
      const [id, strategy, userId, title, state, attempts, reason] = line.split("|");
      const channel = CHANNELS.find((each) => STRATEGIES[each] === strategy);
      return [`${channel}/${this.world.users.indexOf(userId)}/${title}`, { id, state, attempts: Number(attempts), reason }];
    }));
    this.inbox = new Map(this.disk.query("select title, count(*) || ' ' || count(distinct user_id) from notifications group by title").map((line) => line.split("|")));
  }
}

/** The plan's own mark: two runs with the same mark did the same to the server. */
export const markOf = (text) => createHash("sha256").update(text).digest("hex").slice(0, 12);
