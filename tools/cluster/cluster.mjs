// Several processes of the program over one PostgreSQL (and one Redis), each behind proxies of its own, in a folder that goes with them.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Balancer } from "./balancer.mjs";
import { Child } from "./child.mjs";
import { Postgres } from "./postgres.mjs";
import { Proxy } from "./proxy.mjs";
import { Redis } from "./redis.mjs";

/** All clients come from one address, and what is checked and told may stand on this machine. */
const ENVIRONMENT = {
  WATCHBELL_EGRESS_ALLOW: "127.0.0.0/8", WATCHBELL_RATE_LIMIT_PRINCIPAL: "off", WATCHBELL_RATE_LIMIT_ADDRESS: "off", WATCHBELL_RATE_LIMIT_SIGN_IN: "off",
};

/** One process of the cluster. Its address stays the same over restarts. */
export class Member {
  #child;
  port = 0;
  /** Whether it stands still. */
  frozen = false;

  constructor(cluster, index) {
    Object.assign(this, { cluster, index, name: `process-${index + 1}` });
    this.data = join(cluster.folder, this.name);
    this.log = join(cluster.folder, "logs", `${this.name}.log`);
  }

  /** Starts it and waits until it listens. */
  async start(env = {}) {
    const { cluster } = this;
    const child = new Child({
      name: this.name,
      words: [cluster.program, "serve", "--listen", `127.0.0.1:${this.port}`, "--data", this.data],
      env: {
        ...ENVIRONMENT,
        WATCHBELL_MASTER_KEY: cluster.masterKey,
        ...(cluster.postgres === undefined ? {} : { WATCHBELL_DATABASE_URL: cluster.postgres.url(this.database.port) }),
        ...(cluster.redis === undefined ? {} : { WATCHBELL_REDIS_URL: cluster.redis.url(this.cache.port) }),
        ...(cluster.balancer === undefined ? {} : { WATCHBELL_BASE_URL: cluster.balancer.base }),
        ...cluster.env,
        ...env,
      },
      log: this.log,
    });
    this.#child = child;
    const [, base, port] = await child.says(/^listening on (http:\/\/\S+:(\d+))$/m);
    this.base = base;
    this.port = Number(port);
    return this;
  }

  get pid() {
    return this.#child?.pid;
  }
  get runs() {
    return this.#child !== undefined && !this.#child.over;
  }
  /** What it said since it was last started. */
  get said() {
    return this.#child?.said ?? "";
  }

  /** SIGTERM: it finishes what it has begun. Answers the exit code. */
  async stop(within) {
    this.frozen = false;
    const { code } = (await this.#child?.end("SIGTERM", within)) ?? { code: 0 };
    return code;
  }
  /** kill -9, and waits until it is gone. */
  async kill() {
    this.frozen = false;
    await this.#child?.end("SIGKILL");
  }
  async restart(env) {
    await this.stop();
    await this.start(env);
  }
  async freeze() {
    this.frozen = true;
    await this.#child.freeze();
  }
  async thaw() {
    this.frozen = false;
    await this.#child?.thaw();
  }

  /** The proxies between it and the servers: what is cut here is cut for this process alone. */
  get proxies() {
    return [this.database, this.cache].filter((proxy) => proxy !== undefined);
  }
  /** The connections on which it hears the others. */
  cutBus() {
    for (const proxy of this.proxies) proxy.cut("bus");
  }
  refuseBus() {
    for (const proxy of this.proxies) proxy.refuse("bus");
  }
  holdBus() {
    for (const proxy of this.proxies) proxy.hold("bus");
  }
  delayBus(ms) {
    for (const proxy of this.proxies) proxy.delay(ms, "bus");
  }
  /** It runs, and reaches nobody. */
  part() {
    for (const proxy of this.proxies) proxy.hold();
  }
  cut() {
    for (const proxy of this.proxies) proxy.cut();
  }
  /** Ends whatever was done at the proxies. */
  heal() {
    for (const proxy of this.proxies) proxy.heal();
  }
}

export class Cluster {
  members = [];

  /**
   * Starts everything; what was started ends with this process, whatever ends it, and by end().
   * @param {{program: string, processes?: number, postgres?: boolean, redis?: boolean, port?: number, env?: object}} options
   *   postgres: false is one process on SQLite; port: of a balancer, 0 for any, none without; env: settings for all
   */
  static async start({ program, processes = 3, postgres = true, redis = false, port, env = {} }) {
    if (!existsSync(program)) throw new Error(`there is no program at ${program}`);
    if (!postgres && (processes > 1 || redis)) throw new Error("several processes, and Redis, need PostgreSQL");
    const cluster = new Cluster();
    cluster.program = resolve(program);
    cluster.env = env;
    cluster.masterKey = randomBytes(32).toString("hex");
    cluster.folder = mkdtempSync(join(tmpdir(), "watchbell-cluster-"));
    chmodSync(cluster.folder, 0o711); // PostgreSQL runs as somebody else, and must get to its folder
    mkdirSync(join(cluster.folder, "logs"), { mode: 0o700 });
    try {
      await cluster.#begin({ processes, postgres, redis, port });
    } catch (error) {
      await cluster.end();
      throw error;
    }
    return cluster;
  }

  async #begin({ processes, postgres, redis, port }) {
    const place = (name) => ({ folder: join(this.folder, name), log: join(this.folder, "logs", `${name}.log`) });
    if (postgres) {
      this.postgres = new Postgres(place("postgres"));
      await this.postgres.up();
    }
    if (redis) {
      this.redis = new Redis(place("redis"));
      await this.redis.up();
    }
    for (let index = 0; index < processes; index++) {
      const member = new Member(this, index);
      this.members.push(member);
      if (postgres) member.database = await new Proxy({ path: this.postgres.path }, { speaks: "postgres" }).up();
      if (redis) member.cache = await new Proxy({ path: this.redis.path }, { speaks: "redis" }).up();
    }
    if (port !== undefined) {
      const where = (member) => () => (member.runs && member.port !== 0 ? { host: "127.0.0.1", port: member.port } : undefined);
      this.balancer = await new Balancer(this.members.map(where)).up(port);
    }
    // The first one makes the tables.
    for (const member of this.members.slice(0, 1)) await member.start();
    await Promise.all(this.members.slice(1).map((member) => member.start()));
  }

  /** Ends everything and removes the folder. */
  async end() {
    if (this.ending === undefined) this.ending = this.#end();
    return this.ending;
  }
  async #end() {
    for (const member of this.members) member.heal();
    await Promise.all(this.members.map((member) => member.stop(10_000)));
    await this.balancer?.down();
    for (const member of this.members) for (const proxy of member.proxies) await proxy.down();
    await this.redis?.thaw();
    await this.redis?.stop();
    await this.postgres?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
