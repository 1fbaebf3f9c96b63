// Runs wrk against the three servers in turns and compares them; see run.sh. usage: node run.mjs BUILD [--rounds 5] [--seconds 4] [--jobs 1000000] [--frozen 30] [--redis: that alone]
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";

const build = process.argv[2] ?? "build/bench";
const option = (name, fallback) => (process.argv.includes(name) ? Number(process.argv[process.argv.indexOf(name) + 1]) : fallback);
const rounds = option("--rounds", 5);
const seconds = option("--seconds", 4);
const ticks = Number(spawnSync("getconf", ["CLK_TCK"]).stdout.toString());
const work = mkdtempSync(join(tmpdir(), "watchbell-bench-"));
const children = [];

function start(name, command, args, env = {}) {
  // The server on one core, wrk on the other, where there are two.
  const pinned = cpus().length > 1 ? ["taskset", ["-c", "0", command, ...args]] : [command, args];
  const child = spawn(pinned[0], pinned[1], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      const found = /listening on (http:\/\/\S+)/.exec(text);
      if (found) resolve({ name, pid: child.pid, base: found[1] });
    });
    child.on("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
  });
}

const cpuSeconds = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
};
const rssMb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

async function signIn(base) {
  const post = (path, body, headers = {}) => fetch(base + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const made = await post("/api/auth/completeOnboarding", { json: { name: "Bench", email: "bench@example.com", password: "Passw0rd-bench" } });
  if (made.status !== 200) throw new Error(`onboarding answered ${made.status} ${await made.text()}`);
  const signed = await post("/api/auth/sign-in/email", { email: "bench@example.com", password: "Passw0rd-bench" });
  return signed.headers.get("set-cookie").split(";")[0];
}

function load(server, cookie, time) {
  const script = join(work, "post.lua");
  writeFileSync(script, `wrk.method = "POST"\nwrk.body = "{}"\nwrk.headers["Content-Type"] = "application/json"\nwrk.headers["Cookie"] = ${JSON.stringify(cookie)}\n`);
  const before = cpuSeconds(server.pid);
  const args = ["-t1", "-c32", `-d${time}s`, "--latency", "-s", script, server.base + "/api/notification/getUnreadCount"];
  const run = cpus().length > 1 ? spawnSync("taskset", ["-c", "1", "wrk", ...args]) : spawnSync("wrk", args);
  const cpu = cpuSeconds(server.pid) - before;
  const text = run.stdout.toString();
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  const unit = { us: 1, ms: 1000, s: 1e6 };
  const percentile = (p) => {
    const found = new RegExp(`${p}%\\s+([\\d.]+)(us|ms|s)`).exec(text);
    return found ? Number(found[1]) * unit[found[2]] : NaN;
  };
  const errors = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? "0";
  if (requests === 0 || errors !== "0") throw new Error(`${server.name}: ${requests} requests, ${errors} errors\n${text}${run.stderr}`);
  return { cpuUs: (cpu / requests) * 1e6, rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]), p50Us: percentile(50), p99Us: percentile(99), rssMb: rssMb(server.pid) };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const git = (...args) => spawnSync("git", args).stdout.toString().trim();
const jsonLines = (text) => text.toString().split("\n").filter(Boolean).map((line) => JSON.parse(line));
const place = {
  date: new Date().toISOString().slice(0, 10), commit: git("rev-parse", "HEAD"), dirty: git("status", "--porcelain") !== "",
  compiler: spawnSync("clang++-19", ["--version"]).stdout.toString().split("\n")[0], flags: "bench preset (Release)", cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
};
const write = (name, record) => {
  if (!existsSync("bench/records")) mkdirSync("bench/records");
  const file = `bench/records/${place.date}-${place.commit.slice(0, 8)}-${name}.json`;
  writeFileSync(file, JSON.stringify({ question: record.question, ...place, ...record }, null, 1) + "\n");
  console.log(`record: ${file}`);
};

function measureRedis() {
  const frozenSeconds = option("--frozen", 30);
  const onRedis = (...args) => {
    const run = spawnSync(join(build, "bench/redis_cache_bench"), args);
    if (run.status !== 0) throw new Error(`redis_cache_bench ${args[0]}: ${run.stdout}${run.stderr}`);
    return jsonLines(run.stdout);
  };
  const trips = onRedis("round_trips");
  console.log("bulk read of 100 keys     round trips  calls of the loader        us");
  for (const row of trips) console.log(`${`${row.row} ${row.state}`.padEnd(24)}  ${String(row.roundTrips).padStart(11)}  ${String(row.loaderCalls).padStart(19)}  ${String(row.us).padStart(8)}`);
  write("redis-bulk", { question: "round trips of a bulk read of 100 keys on Redis", rows: trips });
  const frozen = onRedis("frozen", String(frozenSeconds));
  console.log("Redis frozen   reads    p50 us    p99 us    max us   p99 from its begin");
  for (const row of frozen.filter((r) => r.phase)) console.log(`${row.phase.padEnd(10)}  ${String(row.reads).padStart(8)}  ${String(row.p50Us).padStart(8)}  ${String(row.p99Us).padStart(8)}  ${String(row.maxUs).padStart(8)}  ${String(row.servedP99Us).padStart(20)}`);
  write("redis-frozen", { question: "what 1,000 reads/s of a strict scope feel of a Redis that stands still", seconds: frozenSeconds, rows: frozen });
}

if (process.argv.includes("--redis")) {
  measureRedis();
  rmSync(work, { recursive: true, force: true });
  process.exit(0);
}

try {
  const servers = [
    await start("echo_beast", join(build, "bench/echo_beast"), ["0"]),
    await start("echo_lean", join(build, "bench/echo_lean"), ["0"]),
    await start("watchbell", join(build, "watchbell"), ["serve", "--listen", "127.0.0.1:0", "--data", join(work, "data")], {
      WATCHBELL_LOG_LEVEL: "error", WATCHBELL_RATE_LIMIT_PRINCIPAL: "off", WATCHBELL_RATE_LIMIT_ADDRESS: "off",
    }),
  ];
  const cookie = await signIn(servers[2].base);
  for (const server of servers) load(server, cookie, 1);
  const results = Object.fromEntries(servers.map((s) => [s.name, []]));
  for (let round = 0; round < rounds; ++round) for (const server of servers) results[server.name].push(load(server, cookie, seconds));

  const figures = Object.fromEntries(
    Object.entries(results).map(([name, rows]) => [name, {
      cpuUsPerRequest: median(rows.map((r) => r.cpuUs)), requestsPerSecond: median(rows.map((r) => r.rate)), p50Us: median(rows.map((r) => r.p50Us)),
      p99Us: Math.min(...rows.map((r) => r.p99Us)), rssMb: Math.max(...rows.map((r) => r.rssMb)),
    }]));
  const ratio = (other) => median(results.watchbell.map((row, i) => row.cpuUs / results[other][i].cpuUs));
  console.log("server        CPU us/request  requests/s    p50 us    p99 us    RSS MB");
  for (const [name, f] of Object.entries(figures))
    console.log(`${name.padEnd(12)}  ${f.cpuUsPerRequest.toFixed(2).padStart(14)}  ${f.requestsPerSecond.toFixed(0).padStart(10)}  ${f.p50Us.toFixed(0).padStart(8)}  ${f.p99Us.toFixed(0).padStart(8)}  ${f.rssMb.toFixed(1).padStart(8)}`);
  console.log(`watchbell / echo_beast ${ratio("echo_beast").toFixed(3)}   watchbell / echo_lean ${ratio("echo_lean").toFixed(3)}   (median of ${rounds} rounds)`);

  write("unread-count", {
    question: "authenticated getUnreadCount, cached, over HTTP; wrk -t1 -c32", rounds, seconds, figures, ratios: { echo_beast: ratio("echo_beast"), echo_lean: ratio("echo_lean") }, raw: results,
  });

  const jobs = option("--jobs", 1_000_000);
  const slope = spawnSync(join(build, "bench/jobs_slope"), [String(jobs)]);
  const rows = jsonLines(slope.stdout);
  console.log("jobs        CPU s of the last tenth    pages    bytes in use");
  for (const row of rows) console.log(`${String(row.jobs).padEnd(10)}  ${row.cpuSeconds.toFixed(2).padStart(23)}  ${String(row.pages).padStart(7)}  ${String(row.bytes).padStart(14)}`);
  if (slope.status !== 0) throw new Error(`jobs_slope: ${slope.stderr}`);
  write("jobs-slope", { question: "storage and memory after every tenth of so many jobs, on a database in memory", jobs, rows });

  measureRedis();
} finally {
  for (const child of children) child.kill("SIGTERM");
  setTimeout(() => rmSync(work, { recursive: true, force: true }), 500);
}
