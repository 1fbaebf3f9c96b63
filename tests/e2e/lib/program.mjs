import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inTime, until } from "./wait.mjs";

const LIVE = new Set();
process.on("exit", () => {
  for (const child of LIVE) child.kill("SIGKILL");
});

/** What the program gets of our environment: nothing that could be a setting of its own. */
function environment(extra) {
  return { PATH: process.env.PATH, LANG: "C.UTF-8", ...extra };
}

/** An empty folder that is gone when the test is over. */
export function temporaryFolder(context, name = "data") {
  const top = mkdtempSync(join(tmpdir(), "watchbell-test-"));
  context.after(async () => rmSync(top, { recursive: true, force: true }));
  return join(top, name);
}

/**
 * Runs a command of the program to its end: `{code, signal, stdout, stderr}`.
 * @param {{input?: string, env?: object, cwd?: string, wrap?: string[], within?: number}} options  wrap: a command to run it with
 */
export async function runProgram(program, args, { input = "", env = {}, cwd, wrap = [], within } = {}) {
  const [file, ...rest] = [...wrap, program, ...args];
  const child = spawn(file, rest, { env: environment(env), cwd, stdio: ["pipe", "pipe", "pipe"] });
  LIVE.add(child);
  const out = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => (out.stdout += text));
  child.stderr.on("data", (text) => (out.stderr += text));
  child.stdin.on("error", () => {}); // a program that ends without reading is judged by its exit code
  child.stdin.end(input);
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  try {
    return { ...(await inTime(`the end of ${args.join(" ")}`, ended, within)), ...out };
  } finally {
    LIVE.delete(child);
    child.kill("SIGKILL");
  }
}

/** A server under test: the program with a data folder and a port, which can die and come back. */
export class Program {
  /** Outgoing requests may reach loopback, where targets and sinks of tests stand; and all tests of a program come from one address. */
  static env = { WATCHBELL_EGRESS_ALLOW: "127.0.0.0/8", WATCHBELL_RATE_LIMIT_PRINCIPAL: "off", WATCHBELL_RATE_LIMIT_ADDRESS: "off", WATCHBELL_RATE_LIMIT_SIGN_IN: "off" };

  #child;
  #ended;
  stdout = "";
  stderr = "";
  base = "";

  constructor(context, { program = context.options.program, data = temporaryFolder(context), args = [], wrap = [] } = {}) {
    if (!existsSync(program)) throw new Error(`there is no program at ${program}`);
    this.program = program;
    this.data = data;
    this.args = args;
    this.wrap = wrap; // a command to run it with
    this.port = 0;
    this.env = {}; // of every start, before what that one is given
    context.onFailure(async () => {
      const file = context.keep("server.log");
      if (file !== undefined) writeFileSync(file, `${this.stdout}\n--- standard error\n${this.stderr}`);
    });
    context.after(() => this.kill());
  }

  /** Starts it and waits until it listens. A port once chosen is kept over restarts. */
  async start(env = {}) {
    const [file, ...rest] = [...this.wrap, this.program, "serve", "--listen", `127.0.0.1:${this.port}`, "--data", this.data, ...this.args];
    const child = spawn(file, rest, {
      env: environment({ ...Program.env, ...this.env, ...env }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    LIVE.add(child);
    this.#child = child;
    const before = this.stdout.length;
    let ended = false;
    this.#ended = new Promise((resolve) => {
      child.on("error", (error) => resolve({ error }));
      child.on("close", (code, signal) => resolve({ code, signal }));
    }).then((outcome) => {
      LIVE.delete(child);
      ended = true;
      return outcome;
    });
    child.stdout.on("data", (text) => (this.stdout += text));
    child.stderr.on("data", (text) => (this.stderr += text));
    const listening = await until("the server to listen", () => ended || /^listening on (http:\/\/\S+:(\d+))$/m.exec(this.stdout.slice(before)));
    if (ended) throw new Error(`the server ended at once\n${this.stderr}`);
    this.base = listening[1];
    this.port = Number(listening[2]);
    return this;
  }

  get pid() {
    return this.#child?.pid;
  }

  /** Waits for a line on standard output. */
  async says(line) {
    await until(`the server to say "${line}"`, () => this.stdout.split("\n").includes(line));
  }

  /** kill -9, and waits until the process is gone. */
  async kill() {
    if (this.#child === undefined) return;
    this.#child.kill("SIGKILL");
    await this.#ended;
    this.#child = undefined;
  }

  /** SIGTERM; answers the exit code. */
  async stop(within) {
    this.#child.kill("SIGTERM");
    const { code } = await inTime("the server to stop", this.#ended, within);
    this.#child = undefined;
    return code;
  }
}
