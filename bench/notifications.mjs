// What deliveries and large sends cost; called by run.mjs, or alone: node bench/notifications.mjs BUILD [--deliveries | --hanging | --notify] [--rounds 5]
import { spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Api, WEBHOOK } from "../tests/e2e/lib/api.mjs";
import { cpuSeconds, forgetPeak, killAll, median, option, peakRssMb, percentile, rssMb, serving, sleep, started, write } from "./lib.mjs";

const SECRET = Buffer.from("0123456789abcdef0123456789abcdef"); // the one of people.cpp
const micros = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

/** A place to measure in: a folder that goes, and the programs of a build. */
class Bench {
  constructor(build) {
    this.build = build;
    this.work = mkdtempSync(join(tmpdir(), "watchbell-bench-"));
  }
  sink(...args) {
    return serving(join(this.build, "bench/sink"), args.map(String));
  }
  server(data, env = {}) {
    return serving(join(this.build, "watchbell"), ["serve", "--listen", "127.0.0.1:0", "--data", data], {
      env: {
        WATCHBELL_LOG_LEVEL: "error", WATCHBELL_EGRESS_ALLOW: "127.0.0.0/8",
        WATCHBELL_RATE_LIMIT_PRINCIPAL: "off", WATCHBELL_RATE_LIMIT_ADDRESS: "off", WATCHBELL_RATE_LIMIT_SIGN_IN: "off", ...env,
      },
    });
  }
  /** A data folder with an administrator, `readers` who sign in, and `count` users with webhooks: their ids. */
  async people(name, count, { hosts = 0, port = 0, readers = 0, timeoutSeconds } = {}) {
    const data = join(this.work, name);
    const server = await this.server(data);
    const admin = await new Api(server).onboard();
    for (let i = 0; i < readers; i++) await admin.call("auth", "createCredentialUser", { name: `Reader ${i}`, email: `reader-${i}@bench.example`, password: "Passw0rd-bench" });
    if (timeoutSeconds !== undefined) await admin.call("notification", "updateDeliveryStrategy", { strategyId: WEBHOOK, enabled: true, config: { timeoutSeconds } });
    await server.stop();
    const made = spawnSync(join(this.build, "bench/people"), [data, String(count), String(hosts), String(port)], { maxBuffer: 2 ** 26 });
    if (made.status !== 0) throw new Error(`people: ${made.stderr}`);
    return { data, users: made.stdout.toString().trim().split("\n") };
  }
  /** A copy of a data folder no server has open, to be used up by a round. */
  copy(data, name) {
    const to = join(this.work, name);
    rmSync(to, { recursive: true, force: true });
    cpSync(data, to, { recursive: true });
    return to;
  }
  close() {
    killAll();
    rmSync(this.work, { recursive: true, force: true });
  }
}

const ask = async (sink, path) => (await fetch(sink.base + path)).text();
const stats = async (sink) => JSON.parse(await ask(sink, "/stats"));
const signIn = (server, email, password) => new Api(server).signIn({ email, password });
const asAdmin = (server) => new Api(server).signIn();

async function until(what, probe, every = 5, within = 120_000) {
  const end = performance.now() + within;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(every);
  }
}

/** How many POSTs a second the sink takes from wrk, and what of the sender's time that is. */
function ceilingOf(bench, sink) {
  const script = join(bench.work, "post.lua");
  writeFileSync(script, `wrk.method = "POST"\nwrk.body = "{}"\nwrk.headers["Content-Type"] = "application/json"\n`);
  const run = spawnSync("wrk", ["-t1", "-c64", "-d2s", "-s", script, `${sink.base}/hook`]);
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(run.stdout)?.[1]);
  if (!(rate > 0)) throw new Error(`wrk: ${run.stdout}${run.stderr}`);
  return Math.round(rate);
}

/** Whether a request as the sink kept it carries the signature its receiver computes. */
function verifies(request) {
  const at = request.indexOf("\r\n\r\n");
  const head = Object.fromEntries(request.slice(0, at).split("\r\n").slice(1).map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]));
  const text = `${head["webhook-id"]}.${head["webhook-timestamp"]}.${request.slice(at + 4)}`;
  return head["webhook-signature"] === `v1,${createHmac("sha256", SECRET).update(text).digest("base64")}`;
}

const shown = (columns, rows) => {
  console.log(columns.map(([name, width]) => name.padStart(width)).join("  "));
  for (const row of rows) console.log(columns.map(([, width, value]) => String(value(row)).padStart(width)).join("  "));
};

/** The same number of alerts, each a webhook of its own to one of 16 hosts, by Debian's Alertmanager: nothing where it is not installed. */
async function measureAlertmanager(bench, count) {
  const program = "prometheus-alertmanager";
  if (spawnSync(program, ["--version"]).status !== 0) return undefined;
  const sink = await bench.sink(16, 0);
  const hosts = Array.from({ length: 16 }, (_, host) => host + 1);
  const config = join(bench.work, "alertmanager.yml");
  writeFileSync(config, JSON.stringify({ // JSON is YAML
    route: { receiver: "host-1", group_by: ["..."], group_wait: "0s", group_interval: "1h", repeat_interval: "4h", routes: hosts.map((host) => ({ receiver: `host-${host}`, matchers: [`host="${host}"`] })) },
    receivers: hosts.map((host) => ({ name: `host-${host}`, webhook_configs: [{ url: `http://127.0.0.${host}:${sink.port}/hook`, send_resolved: false }] })),
  }));
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const rival = await started(program, [`--config.file=${config}`, `--storage.path=${join(bench.work, "alertmanager")}`, `--web.listen-address=127.0.0.1:${port}`, "--cluster.listen-address=", "--log.level=error"]);
  const base = `http://127.0.0.1:${port}`;
  await until("Alertmanager to be ready", () => fetch(`${base}/-/ready`).then((answer) => answer.ok, () => false), 50);
  await ask(sink, "/forget");
  const before = cpuSeconds(rival.pid);
  const called = micros();
  const startsAt = new Date().toISOString();
  for (let at = 0; at < count; at += 1000) {
    const alerts = Array.from({ length: Math.min(1000, count - at) }, (_, i) => ({ labels: { alertname: `n-${at + i}`, host: String(((at + i) % 16) + 1) }, annotations: { summary: "Disk full", description: "/var is full" }, startsAt }));
    const answer = await fetch(`${base}/api/v2/alerts`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(alerts) });
    if (!answer.ok) throw new Error(`Alertmanager answered ${answer.status} ${await answer.text()}`);
  }
  const accepted = micros();
  await until("the alerts", async () => (await stats(sink)).posts >= count, 10);
  const cpu = cpuSeconds(rival.pid) - before;
  const seen = await stats(sink);
  await rival.kill();
  await sink.stop();
  return { version: spawnSync(program, ["--version"]).stdout.toString().split("\n")[0], acceptedMs: (accepted - called) / 1000, wallMs: (seen.lastUs - Math.min(accepted, seen.firstUs)) / 1000, fromCallMs: (seen.lastUs - called) / 1000, cpuSeconds: cpu };
}

/** 10,000 signed webhooks to 16 hosts, all stored by one send before the first goes out; done when every attempt is recorded. */
export async function measureDeliveries(build, rounds) {
  const bench = new Bench(build);
  try {
    const count = option("--webhooks", 10_000);
    const rows = [];
    const ceiling = [];
    for (const wait of [0, 50]) {
      const sink = await bench.sink(16, wait);
      if (wait === 0) ceiling.push(ceilingOf(bench, sink));
      const { data, users } = await bench.people(`people-${wait}`, count, { hosts: 16, port: sink.port });
      for (let round = 0; round < rounds; round++) {
        const server = await bench.server(bench.copy(data, "round"));
        const admin = await asAdmin(server);
        await ask(sink, "/forget");
        const sinkBefore = cpuSeconds(sink.pid);
        const before = cpuSeconds(server.pid);
        const called = micros();
        await admin.call("notification", "notifyUsers", { userIds: users, title: "Disk full", body: "**/var** is full" });
        const stored = micros();
        const storedCpu = cpuSeconds(server.pid) - before;
        await until("the webhooks", async () => (await stats(sink)).posts >= count, 10);
        await until("the attempts", async () => (await admin.call("notification", "getDeliveryAttempts", { limit: 1 })).total === count);
        const recorded = micros();
        const cpu = cpuSeconds(server.pid) - before;
        const seen = await stats(sink);
        if (seen.posts !== count || seen.distinct !== count || seen.signed !== count || !verifies(await ask(sink, "/last"))) throw new Error(`not what was sent: ${JSON.stringify(seen)}`);
        if (seen.firstUs < stored && round === 0) console.log(`the first arrived ${((stored - seen.firstUs) / 1000).toFixed(0)} ms before the send was answered: stored it was, by one commit`);
        rows.push({
          waitMs: wait, round, storeMs: (stored - called) / 1000, deliverMs: (seen.lastUs - seen.firstUs) / 1000, wallMs: (recorded - Math.min(stored, seen.firstUs)) / 1000,
          fromCallMs: (recorded - called) / 1000, cpuSeconds: cpu - storedCpu, cpuSecondsFromCall: cpu, sinkCpuSeconds: cpuSeconds(sink.pid) - sinkBefore,
          maxInFlight: seen.maxInFlight, maxHostInFlight: seen.maxHostInFlight, leastOfAHost: seen.leastOfAHost, mostOfAHost: seen.mostOfAHost, rssMb: peakRssMb(server.pid),
        });
        await server.kill();
      }
      await sink.stop();
    }
    console.log(`${count} signed webhooks to 16 hosts, stored by one send (the sink alone takes ${ceiling[0]} a second from wrk)`);
    const ms = (name) => (row) => row[name].toFixed(0);
    shown([["sink waits", 10, (r) => `${r.waitMs} ms`], ["stored ms", 9, ms("storeMs")], ["wall ms", 8, ms("wallMs")], ["CPU s", 6, (r) => r.cpuSeconds.toFixed(2)], ["from call", 9, ms("fromCallMs")],
      ["CPU s", 6, (r) => r.cpuSecondsFromCall.toFixed(2)], ["in flight", 9, (r) => r.maxInFlight], ["of a host", 9, (r) => r.maxHostInFlight], ["RSS MB", 7, ms("rssMb")]], rows);
    const figures = Object.fromEntries([0, 50].map((wait) => {
      const of = rows.filter(({ waitMs }) => waitMs === wait);
      return [`sink waits ${wait} ms`, { wallMs: median(of.map((r) => r.wallMs)), cpuSeconds: median(of.map((r) => r.cpuSeconds)), bestWallMs: Math.min(...of.map((r) => r.wallMs)), fromCallMs: median(of.map((r) => r.fromCallMs)), cpuSecondsFromCall: median(of.map((r) => r.cpuSecondsFromCall)) }];
    }));
    console.log(JSON.stringify(figures));
    const alertmanager = await measureAlertmanager(bench, count);
    if (alertmanager === undefined) console.log("Alertmanager is not installed: nothing is measured beside it");
    else console.log(`${alertmanager.version}: accepted after ${alertmanager.acceptedMs.toFixed(0)} ms, wall ${alertmanager.wallMs.toFixed(0)} ms, from call ${alertmanager.fromCallMs.toFixed(0)} ms, CPU ${alertmanager.cpuSeconds.toFixed(2)} s`);
    write("deliveries", {
      question: "10,000 signed webhooks to 16 loopback hosts, stored by one send, attempts recorded: wall clock from the answer of the send (or the first arrival) to the last record, and CPU of the server",
      rounds, webhooks: count, sinkCeilingPerSecond: ceiling[0], alertmanager: alertmanager ?? "not installed", bounds: { "sink waits 0 ms": { wallMs: 1500, cpuSeconds: 1.5 }, "sink waits 50 ms": { wallMs: 2000 } }, figures, raw: rows,
    });
  } finally {
    bench.close();
  }
}

/** One of 100 endpoints takes requests and answers none for 30 s: what the other 99 feel of it, against a run without, in the same round. */
export async function measureHanging(build, rounds) {
  const bench = new Bench(build);
  try {
    const perSecond = option("--sends", 10), seconds = option("--seconds", 6);
    const rows = [];
    let worst = 0;
    for (let round = 0; round < rounds; round++) {
      for (const hanging of [0, 37]) {
        const sink = await bench.sink(100, 0, hanging);
        const { data, users } = await bench.people("people", 100, { hosts: 100, port: sink.port, timeoutSeconds: 45 });
        const server = await bench.server(data);
        const admin = await asAdmin(server);
        const send = () => admin.call("notification", "notifyUsers", { userIds: users, title: `t=${micros()} `, body: "**/var** is full" });
        // What is done once, connections among it, belongs to neither run.
        await send();
        await until("the first webhooks", async () => (await stats(sink)).posts >= 100);
        await ask(sink, "/forget");
        forgetPeak(server.pid);
        const before = cpuSeconds(server.pid);
        const sends = perSecond * seconds;
        const began = performance.now();
        const answers = [];
        for (let i = 0; i < sends; i++) {
          await sleep(Math.max(0, began + (i * 1000) / perSecond - performance.now()));
          answers.push(send());
        }
        await Promise.all(answers);
        await until("those of 99 endpoints", async () => (await stats(sink)).latencies >= sends * (hanging === 0 ? 100 : 99));
        const seen = await stats(sink);
        rows.push({ round, hanging: hanging !== 0, p50Us: seen.p50Us, p99Us: seen.p99Us, maxUs: seen.maxUs, hungRequests: hanging === 0 ? 0 : seen.inFlight, peakRssMb: peakRssMb(server.pid), cpuSeconds: cpuSeconds(server.pid) - before });
        worst = Math.max(worst, seen.inFlight);
        await server.kill();
        await sink.kill();
        rmSync(data, { recursive: true });
      }
    }
    const ratios = Array.from({ length: rounds }, (_, round) => {
      const [clean, hung] = rows.filter((r) => r.round === round);
      return hung.p99Us / clean.p99Us;
    });
    console.log(`one of 100 endpoints hangs; ${perSecond} sends a second to each, from the call to the arrival`);
    shown([["hangs", 6, (r) => (r.hanging ? "one" : "none")], ["p50 us", 8, (r) => r.p50Us], ["p99 us", 8, (r) => r.p99Us], ["max us", 8, (r) => r.maxUs], ["hung", 5, (r) => r.hungRequests], ["peak RSS MB", 11, (r) => r.peakRssMb.toFixed(1)], ["CPU s", 6, (r) => r.cpuSeconds.toFixed(2)]], rows);
    const best = Math.min(...ratios);
    const growth = median(rows.filter((r) => r.hanging).map((r) => r.peakRssMb)) - median(rows.filter((r) => !r.hanging).map((r) => r.peakRssMb));
    console.log(`p99 of the other 99 with one hanging / without: ${ratios.map((r) => r.toFixed(2)).join(" ")}; best ${best.toFixed(2)} (at most 1.25); RSS ${growth.toFixed(1)} MB more`);
    write("hanging-endpoint", { question: "what 99 endpoints feel of one that hangs, from the call to the arrival", rounds, sendsPerSecond: perSecond, seconds, figures: { ratios, best, rssGrowthMb: growth, mostHung: worst }, bounds: { best: 1.25 }, raw: rows });
  } finally {
    bench.close();
  }
}

/** One send to 100,000 users, while others read; and what a send to N users costs, N from 100 to 100,000. */
export async function measureNotify(build, rounds) {
  const bench = new Bench(build);
  try {
    const most = option("--users", 100_000);
    const sink = await bench.sink(16, 0);
    const tables = {};
    const reads = [];
    // Inbox alone, and with a channel each: rows and jobs.
    for (const [kind, hosts] of [["inbox", 0], ["inbox and a webhook", 16]]) {
      const { data, users } = await bench.people(`people-${hosts}`, most, { hosts, port: sink.port, readers: 8 });
      for (let round = 0; round < rounds; round++) {
        const server = await bench.server(bench.copy(data, "round"));
        const admin = await asAdmin(server);
        const cookies = [];
        for (let i = 0; i < 8; i++) cookies.push((await signIn(server, `reader-${i}@bench.example`, "Passw0rd-bench")).cookie);
        const reader = spawn(join(build, "bench/steady_reader"), [server.port, "/api/notification/getUnreadCount", "500", "8", ...cookies], { stdio: ["ignore", "pipe", "inherit"] });
        let text = "";
        reader.stdout.on("data", (data) => (text += data));
        const ended = new Promise((resolve) => reader.on("close", resolve));
        await sleep(3000);
        const rss = rssMb(server.pid);
        forgetPeak(server.pid);
        const before = cpuSeconds(server.pid);
        const called = micros();
        const { notifiedCount } = await admin.call("notification", "notifyUsers", { userIds: users, title: "Disk full", body: "**/var** is full" });
        const answered = micros();
        const cpu = cpuSeconds(server.pid) - before;
        const growth = peakRssMb(server.pid) - rss;
        if (notifiedCount !== most) throw new Error(`notified ${notifiedCount} of ${most}`);
        if ((await ended) !== 0) throw new Error("steady_reader failed");
        const latencies = text.trim().split("\n").map((line) => line.split(" ").map(Number));
        const quiet = latencies.filter(([due]) => due < called - 100_000).map(([, us]) => us);
        const during = latencies.filter(([due]) => due >= called && due < answered).map(([, us]) => us);
        reads.push({ kind, round, wallMs: (answered - called) / 1000, cpuSeconds: cpu, rssGrowthMb: growth, quietP50Us: percentile(quiet, 0.5), quietP99Us: percentile(quiet, 0.99), duringP50Us: percentile(during, 0.5), duringP99Us: percentile(during, 0.99), duringMaxUs: Math.max(...during), readsDuring: during.length });
        await server.kill();
      }
      // The slope: several sends of each size, none of them the first of its server.
      const server = await bench.server(bench.copy(data, "round"), hosts === 0 ? {} : { WATCHBELL_DELIVERY_CONCURRENCY: "1" });
      const admin = await asAdmin(server);
      tables[kind] = [];
      for (let n = 100; n <= most; n *= 10) {
        const walls = [], cpus = [];
        const sends = Math.max(3, Math.min(50, Math.round(20_000 / n)));
        for (let i = 0; i <= sends; i++) {
          const before = cpuSeconds(server.pid), called = micros();
          await admin.call("notification", "notifyUsers", { userIds: users.slice(0, n), title: `Disk full ${i}`, body: "**/var** is full" });
          if (i > 0) walls.push((micros() - called) / 1000), cpus.push(cpuSeconds(server.pid) - before);
        }
        const cpu = cpus.reduce((sum, each) => sum + each, 0) / cpus.length;
        tables[kind].push({ users: n, sends, wallMs: median(walls), bestWallMs: Math.min(...walls), cpuMs: cpu * 1000, wallUsPerUser: (median(walls) * 1000) / n, cpuUsPerUser: (cpu * 1e6) / n });
      }
      await server.kill();
    }
    console.log(`one send to ${most} users, while 8 others read their unread count 500 times a second`);
    shown([["kept", 20, (r) => r.kind], ["wall ms", 8, (r) => r.wallMs.toFixed(0)], ["CPU s", 6, (r) => r.cpuSeconds.toFixed(2)], ["RSS + MB", 8, (r) => r.rssGrowthMb.toFixed(0)], ["quiet p99 us", 12, (r) => r.quietP99Us], ["during p99", 10, (r) => r.duringP99Us], ["max", 7, (r) => r.duringMaxUs], ["reads", 6, (r) => r.readsDuring]], reads);
    for (const [kind, rows] of Object.entries(tables)) {
      console.log(`what a send costs: ${kind}`);
      shown([["users", 8, (r) => r.users], ["sends", 6, (r) => r.sends], ["wall ms", 9, (r) => r.wallMs.toFixed(1)], ["CPU ms", 8, (r) => r.cpuMs.toFixed(1)], ["wall us a user", 14, (r) => r.wallUsPerUser.toFixed(1)], ["CPU us a user", 13, (r) => r.cpuUsPerUser.toFixed(1)]], rows);
    }
    const figures = Object.fromEntries([...new Set(reads.map(({ kind }) => kind))].map((kind) => {
      const of = reads.filter((r) => r.kind === kind);
      return [kind, { wallMs: median(of.map((r) => r.wallMs)), rssGrowthMb: Math.max(...of.map((r) => r.rssGrowthMb)), p99RatioBest: Math.min(...of.map((r) => r.duringP99Us / r.quietP99Us)), p99RatioMedian: median(of.map((r) => r.duringP99Us / r.quietP99Us)) }];
    }));
    console.log(JSON.stringify(figures));
    write("notify", { question: "one send to 100,000 users on SQLite: how long until it is accepted, what memory, what others feel; and the cost of a send by its size", rounds, bounds: { wallMs: 3000, rssGrowthMb: 200, p99Ratio: 2 }, figures, slope: tables, raw: reads });
  } finally {
    bench.close();
  }
}

export const PARTS = { "--deliveries": measureDeliveries, "--hanging": measureHanging, "--notify": measureNotify };

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const chosen = Object.keys(PARTS).filter((name) => process.argv.includes(name));
  for (const name of chosen.length > 0 ? chosen : Object.keys(PARTS)) await PARTS[name](process.argv[2] ?? "build/bench", option("--rounds", 5));
  process.exit(0);
}
