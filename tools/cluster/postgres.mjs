// A PostgreSQL of our own in a folder: as fast as it gets, since the machine does not lose its power meanwhile.
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Child, childrenOf, freeze, thaw, unprivileged } from "./child.mjs";

const USER = "watchbell";
const DATABASE = "watchbell";
const SETTINGS = {
  listen_addresses: "", fsync: "off", full_page_writes: "off", shared_buffers: "32MB", max_connections: "200", max_wal_size: "256MB", unix_socket_permissions: "0777",
  log_checkpoints: "off",
};

/** Debian keeps the programs of the server out of PATH, a folder a version; the newest is taken. */
function program(name) {
  const top = "/usr/lib/postgresql";
  const versions = existsSync(top) ? readdirSync(top).filter((version) => existsSync(join(top, version, "bin", name))) : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? name : join(top, newest, "bin", name);
}

export class Postgres {
  #child;
  #frozen = [];

  /** @param folder  one that does not exist yet; somebody unprivileged must be able to enter those above it */
  constructor({ folder, log }) {
    Object.assign(this, { folder, log, user: unprivileged() });
    /** Where it listens. */
    this.path = join(folder, ".s.PGSQL.5432");
  }

  /** Makes the cluster and the database and starts it. */
  async up() {
    mkdirSync(this.folder);
    if (this.user !== undefined) chownSync(this.folder, this.user.uid, this.user.gid);
    // Sorted by bytes: the program wants no database that sorts by a language.
    const options = ["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions"];
    const words = [program("initdb"), "--pgdata", join(this.folder, "data"), ...options];
    const made = new Child({ name: "initdb", words, log: this.log, user: this.user });
    const { code } = await made.ended;
    if (code !== 0) throw new Error(`initdb fails (is postgresql installed?)\n${made.said.slice(-4000)}`);
    await this.start();
    this.ask(`create database ${DATABASE} encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0`, "postgres");
    return this;
  }

  async start() {
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const words = [program("postgres"), "-D", join(this.folder, "data"), "-k", this.folder, ...settings];
    this.#child = new Child({ name: "postgres", words, log: this.log, user: this.user });
    await this.#child.says(/ready to accept connections/);
  }

  /** In order: what runs is broken off, what is committed is written. */
  async stop() {
    await this.#end("SIGINT");
  }
  /** At once, as after a crash: it recovers at the next start. */
  async crash() {
    await this.#end("SIGQUIT");
  }
  async restart({ crash = false } = {}) {
    await (crash ? this.crash() : this.stop());
    await this.start();
  }

  async #end(signal) {
    await this.thaw();
    await this.#child?.end(signal);
    this.#child = undefined;
  }

  /** Its processes, the first one first. */
  get pids() {
    return [this.#child.pid, ...childrenOf(this.#child.pid)];
  }

  /** All its processes stand still: it takes connections and answers nothing. */
  async freeze() {
    // Itself first, that it starts no more.
    await this.#child.freeze();
    this.#frozen = childrenOf(this.#child.pid);
    await freeze(...this.#frozen);
  }
  async thaw() {
    if (this.#frozen.length === 0) return;
    await thaw(...this.#frozen.splice(0));
    await this.#child.thaw();
  }

  /** What a client at a proxy's port connects to. */
  url(port) {
    return `postgresql://${USER}@127.0.0.1:${port}/${DATABASE}`;
  }

  /** Runs a statement: the rows, columns parted by "|". */
  ask(sql, database = DATABASE) {
    const args = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", this.folder, "-U", USER, "-d", database, "-c", sql];
    return execFileSync(program("psql"), args, { maxBuffer: 2 ** 28 }).toString().split("\n").filter(Boolean);
  }
}
