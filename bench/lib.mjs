// What the parts of `make bench` share: how a program is started and watched, and how a record is written.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

export const option = (name, fallback) => (process.argv.includes(name) ? Number(process.argv[process.argv.indexOf(name) + 1]) : fallback);
const ticks = Number(spawnSync("getconf", ["CLK_TCK"]).stdout.toString());

export const cpuSeconds = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
};
const statusMb = (pid, name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
export const rssMb = (pid) => statusMb(pid, "VmRSS");
/** The most it ever was, or since forgetPeak(). */
export const peakRssMb = (pid) => statusMb(pid, "VmHWM");
export const forgetPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, "5");

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
export const percentile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const children = new Set();

/** Starts a program: its pid, and how to end it. What it says is not looked at. */
export async function started(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  children.add(child);
  const ended = new Promise((resolve) => child.on("exit", resolve)).then(() => children.delete(child));
  await new Promise((resolve, reject) => {
    child.on("spawn", resolve);
    child.on("error", reject);
  });
  return { pid: child.pid, kill: () => (child.kill("SIGKILL"), ended) };
}

/** Starts a program that says `listening on URL`: its pid, its address, and how to end it. */
export async function serving(command, args, { env = {}, cwd } = {}) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  const ended = new Promise((resolve) => child.on("exit", resolve)).then(() => children.delete(child));
  const base = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`${command} ended with ${code}`)));
    let text = "";
    child.stdout.on("data", (data) => {
      const found = /listening on (http:\/\/\S+)\s/.exec((text += data));
      if (found) resolve(found[1]);
    });
  });
  const end = (signal) => (child.kill(signal), ended);
  return { pid: child.pid, base, port: new URL(base).port, stop: () => end("SIGTERM"), kill: () => end("SIGKILL") };
}
export const killAll = () => {
  for (const child of children) child.kill("SIGKILL");
};

const git = (...args) => spawnSync("git", args).stdout.toString().trim();
export const jsonLines = (text) => text.toString().split("\n").filter(Boolean).map((line) => JSON.parse(line));
const place = {
  date: new Date().toISOString().slice(0, 10), commit: git("rev-parse", "HEAD"), dirty: git("status", "--porcelain") !== "",
  compiler: spawnSync("clang++-19", ["--version"]).stdout.toString().split("\n")[0], flags: "bench preset (Release)", cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
};
export const write = (name, record) => {
  if (!existsSync("bench/records")) mkdirSync("bench/records");
  const file = `bench/records/${place.date}-${place.commit.slice(0, 8)}-${name}.json`;
  writeFileSync(file, JSON.stringify({ question: record.question, ...place, ...record }, null, 1) + "\n");
  console.log(`record: ${file}`);
};
