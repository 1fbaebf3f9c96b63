// Runs wrk against the three servers in turns and compares them; see run.sh. usage: node run.mjs BUILD [--rounds 5] [--seconds 4] [--jobs 1000000] [--frozen 30] [--redis | --sockets | --reads | --program | --deliveries | --hanging | --notify: that alone]
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { cpuSeconds, jsonLines, median, option, rssMb, sleep, write } from "./lib.mjs";
import { PARTS } from "./notifications.mjs";

const build = process.argv[2] ?? "build/bench";
const rounds = option("--rounds", 5);
const seconds = option("--seconds", 4);
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

/** A session, and an API key with the rules of role `applications`: each as the header that shows it. */
async function credentials(base) {
  let cookie = "";
  const post = async (path, body) => {
    const answer = await fetch(base + path, { method: "POST", headers: { "content-type": "application/json", cookie }, body: JSON.stringify(body) });
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status} ${await answer.text()}`);
    return answer;
  };
  await post("/api/auth/completeOnboarding", { json: { name: "Bench", email: "bench@example.com", password: "Passw0rd-bench" } });
  cookie = (await post("/api/auth/sign-in/email", { email: "bench@example.com", password: "Passw0rd-bench" })).headers.get("set-cookie").split(";")[0];
  const { json } = await (await post("/api/auth/createApplication", { json: { name: "bench" } })).json();
  return { cookie: ["Cookie", cookie], key: ["Authorization", `Bearer ${json.secret}`] };
}

/** What is asked: the same of all three servers, of which the echoes only look at the framing. */
const READS = {
  session: { path: "/api/notification/getUnreadCount", by: "cookie", bounds: { echo_beast: 0.9, echo_lean: 1.15 } },
  key: { path: "/api/catalog/getSystems", by: "key", bounds: { echo_beast: 0.95, echo_lean: 1.2 } },
};

function load(server, read, header, time) {
  const script = join(work, "post.lua");
  writeFileSync(script, `wrk.method = "POST"\nwrk.body = "{}"\nwrk.headers["Content-Type"] = "application/json"\nwrk.headers[${JSON.stringify(header[0])}] = ${JSON.stringify(header[1])}\n`);
  const before = cpuSeconds(server.pid);
  const args = ["-t1", "-c32", `-d${time}s`, "--latency", "-s", script, server.base + read.path];
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

function measureSockets() {
  // Server and clients are two processes of one program; each has a core where there are two.
  const run = spawnSync(join(build, "bench/sockets"), ["10000", String(rounds)]);
  if (run.status !== 0) throw new Error(`sockets: ${run.stdout}${run.stderr}`);
  const rows = jsonLines(run.stdout);
  const of = (name) => rows.filter(({ row }) => row === name);
  const [memory] = of("memory");
  const best = (name) => Math.min(...of(name).map(({ p99Ms }) => p99Ms));
  console.log(`10,000 idle websockets: ${memory.bytesPerSocket} bytes each; ten signals a second: p99 ${best("ten a second")} ms; a hundred: ${median(of("a hundred a second").map(({ framesPerWrite }) => framesPerWrite))} frames a write, ${of("a hundred a second").reduce((sum, { closed }) => sum + closed, 0)} closed`);
  write("sockets", { question: "10,000 websockets: memory each, when they hear ten signals a second, how a hundred a second are joined", rounds, rows });
}

/** Starts a command that serves at last; how long that took, and how to end it. */
async function serving(cwd, command, args) {
  const began = performance.now();
  const child = spawn(command, args, { cwd, env: { ...process.env, CCACHE_DISABLE: "1" }, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const ended = new Promise((resolve) => child.on("exit", resolve));
  await new Promise((resolve, reject) => {
    child.on("exit", (code) => reject(new Error(`${command} ended with ${code}`)));
    let text = "";
    child.stdout.on("data", (data) => (text += data).includes("listening on ") && resolve());
  });
  return { pid: child.pid, seconds: (performance.now() - began) / 1000, stop: () => (child.kill("SIGTERM"), ended) };
}

/** What the release program costs whoever builds it, starts it and lets it run: a clone of the last commit, built without a compiler's cache. */
async function measureProgram() {
  const clone = join(work, "clone"), data = join(work, "kept");
  if (spawnSync("git", ["clone", "-q", ".", clone]).status !== 0) throw new Error("git clone");
  const first = await serving(clone, "./run", ["--listen", "127.0.0.1:0", "--data", data]);
  await first.stop();
  const again = await serving(clone, "./run", ["--listen", "127.0.0.1:0", "--data", data]);
  await again.stop();
  const program = join(clone, "build/release/watchbell");
  spawnSync("strip", ["-o", join(work, "stripped"), program]);
  const strippedMb = statSync(join(work, "stripped")).size / 2 ** 20;
  const starts = [];
  let server;
  for (let i = 0; i < 5; i++) {
    await server?.stop();
    server = await serving(clone, program, ["serve", "--listen", "127.0.0.1:0", "--data", data]);
    starts.push(server.seconds * 1000);
  }
  // What the start left behind is done after two seconds.
  await sleep(2000);
  const wakeUps = () => readdirSync(`/proc/${server.pid}/task`).reduce((sum, task) => sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/task/${task}/status`, "utf8"))[1]), 0);
  const before = wakeUps();
  await sleep(20_000);
  const wakeUpsPerSecond = (wakeUps() - before) / 20;
  const rollup = readFileSync(`/proc/${server.pid}/smaps_rollup`, "utf8");
  const mb = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(rollup)[1]) / 1024;
  await server.stop();
  const rows = [
    ["clean checkout served, s", first.seconds, 900], ["repeat served, s", again.seconds, 10], ["release program, stripped, MB", strippedMb, 15], ["ready after exec, ms, best of 5", Math.min(...starts), 100],
    ["idle, RSS MB", mb("Rss"), 24], ["idle, anonymous MB", mb("Anonymous"), 8], ["idle, wake-ups a second", wakeUpsPerSecond, 1],
  ].map(([what, figure, bound]) => ({ what, figure: Number(figure.toFixed(2)), bound }));
  for (const { what, figure, bound } of rows) console.log(`${what.padEnd(32)}  ${String(figure).padStart(8)}   (at most ${bound})`);
  write("program", { question: "what the release program costs to build, to start and to leave alone", rows, starts });
}

if (process.argv.includes("--program")) {
  await measureProgram();
  rmSync(work, { recursive: true, force: true });
  process.exit(0);
}
if (process.argv.includes("--sockets")) {
  measureSockets();
  rmSync(work, { recursive: true, force: true });
  process.exit(0);
}
if (process.argv.includes("--redis")) {
  measureRedis();
  rmSync(work, { recursive: true, force: true });
  process.exit(0);
}
const notifications = Object.keys(PARTS).filter((name) => process.argv.includes(name));
if (notifications.length > 0) {
  for (const name of notifications) await PARTS[name](build, rounds);
  rmSync(work, { recursive: true, force: true });
  process.exit(0);
}

try {
  const servers = [
    await start("echo_beast", join(build, "bench/echo_beast"), ["0"]),
    await start("echo_lean", join(build, "bench/echo_lean"), ["0"]),
    await start("watchbell", join(build, "watchbell"), ["serve", "--listen", "127.0.0.1:0", "--data", join(work, "data")], {
      // Raised, not off: every request is counted.
      WATCHBELL_LOG_LEVEL: "error", WATCHBELL_RATE_LIMIT_PRINCIPAL: "1000000/1000000", WATCHBELL_RATE_LIMIT_ADDRESS: "1000000/1000000",
    }),
  ];
  const shown = await credentials(servers[2].base);
  for (const [name, read] of Object.entries(READS)) {
    for (const server of servers) load(server, read, shown[read.by], 1);
    const results = Object.fromEntries(servers.map((s) => [s.name, []]));
    for (let round = 0; round < rounds; ++round) for (const server of servers) results[server.name].push(load(server, read, shown[read.by], seconds));
    const figures = Object.fromEntries(
      Object.entries(results).map(([server, rows]) => [server, {
        cpuUsPerRequest: median(rows.map((r) => r.cpuUs)), requestsPerSecond: median(rows.map((r) => r.rate)), p50Us: median(rows.map((r) => r.p50Us)),
        p99Us: Math.min(...rows.map((r) => r.p99Us)), rssMb: Math.max(...rows.map((r) => r.rssMb)),
      }]));
    const ratios = Object.fromEntries(Object.keys(read.bounds).map((other) => [other, median(results.watchbell.map((row, i) => row.cpuUs / results[other][i].cpuUs))]));
    console.log(`by ${name}: ${read.path}\nserver        CPU us/request  requests/s    p50 us    p99 us    RSS MB`);
    for (const [server, f] of Object.entries(figures))
      console.log(`${server.padEnd(12)}  ${f.cpuUsPerRequest.toFixed(2).padStart(14)}  ${f.requestsPerSecond.toFixed(0).padStart(10)}  ${f.p50Us.toFixed(0).padStart(8)}  ${f.p99Us.toFixed(0).padStart(8)}  ${f.rssMb.toFixed(1).padStart(8)}`);
    const said = Object.entries(ratios).map(([other, ratio]) => `watchbell / ${other} ${ratio.toFixed(3)} (at most ${read.bounds[other]})`);
    console.log(`${said.join("   ")}   (median of ${rounds} rounds)`);
    write(`cached-read-${name}`, { question: `a cached read by ${name}, ${read.path}, over HTTP; wrk -t1 -c32`, rounds, seconds, figures, ratios, bounds: read.bounds, raw: results });
  }
  const verified = spawnSync(join(build, "bench/api_key_bench"));
  if (verified.status !== 0) throw new Error(`api_key_bench: ${verified.stdout}${verified.stderr}`);
  process.stdout.write(verified.stdout);
  write("api-key", { question: "what it costs to verify an API key, in microseconds of CPU", row: verified.stdout.toString().trim() });

  if (!process.argv.includes("--reads")) {
    const jobs = option("--jobs", 1_000_000);
    const slope = spawnSync(join(build, "bench/jobs_slope"), [String(jobs)]);
    const rows = jsonLines(slope.stdout);
    console.log("jobs        CPU s of the last tenth    pages    bytes in use");
    for (const row of rows) console.log(`${String(row.jobs).padEnd(10)}  ${row.cpuSeconds.toFixed(2).padStart(23)}  ${String(row.pages).padStart(7)}  ${String(row.bytes).padStart(14)}`);
    if (slope.status !== 0) throw new Error(`jobs_slope: ${slope.stderr}`);
    write("jobs-slope", { question: "storage and memory after every tenth of so many jobs, on a database in memory", jobs, rows });

    measureRedis();
    measureSockets();
    for (const measure of Object.values(PARTS)) await measure(build, rounds);
    await measureProgram();
  }
} finally {
  for (const child of children) child.kill("SIGTERM");
  setTimeout(() => rmSync(work, { recursive: true, force: true }), 500);
}
