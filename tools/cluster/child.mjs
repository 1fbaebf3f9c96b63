// A program that we started: it ends with us, whatever ends us, and writes to a file.
import { execFileSync, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, readdirSync, statSync } from "node:fs";
import { until } from "../../tests/e2e/lib/wait.mjs";

const LIVE = new Set();
process.on("exit", () => {
  for (const child of LIVE) child.signal("SIGKILL");
});

/** Whom servers run as that refuse root: nobody, when we are root. */
export function unprivileged() {
  if (process.getuid() !== 0) return undefined;
  const id = (flag) => Number(execFileSync("id", [flag, "nobody"]).toString());
  return { uid: id("-u"), gid: id("-g") };
}

/** The state of a process as the kernel writes it (R, S, T...), nothing when there is none, and its parent. */
function statusOf(pid) {
  try {
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /s, "").split(" ");
    return { state, parent: Number(parent) };
  } catch {
    return { state: undefined, parent: undefined };
  }
}

/** Whether a process stands still: stopped, dead and not yet missed, or gone. */
export const stands = (pid) => ["T", "Z", undefined].includes(statusOf(pid).state);

/** The processes that a process started and that live. */
export function childrenOf(pid) {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((each) => statusOf(each).parent === pid);
}

/** Stops processes and waits until they stand still. */
export async function freeze(...pids) {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  for (const pid of pids) await until(`process ${pid} to stand still`, () => stands(pid));
}

export async function thaw(...pids) {
  for (const pid of pids) if (statusOf(pid).state !== undefined) process.kill(pid, "SIGCONT");
  for (const pid of pids) await until(`process ${pid} to go on`, () => statusOf(pid).state !== "T");
}

export class Child {
  #child;
  #begins;

  /**
   * @param {{name: string, words: string[], env?: object, log: string, user?: {uid: number, gid: number}}} options
   *   words: the program and its arguments; log: the file that takes what it says, behind what is there
   */
  constructor({ name, words, env = {}, log, user }) {
    Object.assign(this, { name, log });
    // It dies with us even when we are killed; Ctrl-C is for us alone, who end it in order.
    const as = user === undefined ? [] : ["--reuid", String(user.uid), "--regid", String(user.gid), "--clear-groups"];
    const file = openSync(log, "a");
    this.#begins = statSync(log).size;
    this.#child = spawn("setpriv", [...as, "--pdeathsig", "KILL", "--", ...words], {
      env: { PATH: process.env.PATH, LANG: "C.UTF-8", ...env },
      cwd: "/",
      detached: true,
      stdio: ["ignore", file, file],
    });
    closeSync(file);
    LIVE.add(this);
    this.over = false;
    /** The end: `{code, signal}`, or `{error}` when it could not be started. */
    this.ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve({ error }));
      this.#child.on("exit", (code, signal) => resolve({ code, signal }));
    }).then((outcome) => {
      LIVE.delete(this);
      this.over = true;
      return outcome;
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** What it has said since it was started. */
  get said() {
    return readFileSync(this.log).subarray(this.#begins).toString();
  }

  /** Waits until it has said something: answers the match. */
  async says(pattern, within = 60_000) {
    const found = await until(`${this.name} to say ${pattern}`, () => pattern.exec(this.said) ?? this.over, within);
    if (found === true) throw new Error(`${this.name} ended\n${this.said.slice(-4000)}`);
    return found;
  }

  signal(name) {
    if (!this.over && this.pid !== undefined) this.#child.kill(name);
  }

  freeze() {
    return freeze(this.pid);
  }

  thaw() {
    return this.over ? Promise.resolve() : thaw(this.pid);
  }

  /** Ends it with a signal, and with SIGKILL when that takes too long. */
  async end(name = "SIGTERM", within = 30_000) {
    this.signal(name);
    if (name !== "SIGKILL") this.signal("SIGCONT");
    const late = setTimeout(() => this.signal("SIGKILL"), within);
    const outcome = await this.ended;
    clearTimeout(late);
    return outcome;
  }
}
