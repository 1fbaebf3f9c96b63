// The tools of a run, tested alone: what finds faults must be seen to find them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, request } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Balancer } from "../../tools/cluster/balancer.mjs";
import { Child, stands } from "../../tools/cluster/child.mjs";
import { Cluster } from "../../tools/cluster/cluster.mjs";
import { Postgres } from "../../tools/cluster/postgres.mjs";
import { Proxy } from "../../tools/cluster/proxy.mjs";
import { Redis } from "../../tools/cluster/redis.mjs";
import { runProgram } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { inTime, until } from "../e2e/lib/wait.mjs";
import { check } from "./checker.mjs";
import { Client } from "./client.mjs";
import { drawing } from "./draw.mjs";
import { Fake } from "./fake.mjs";
import { Faults, faultsOf, healed } from "./faults.mjs";
import { judgeFires, judgeTicks } from "./fires.mjs";
import { judgeLatency, percentile } from "./latency.mjs";
import { judgeNotifications } from "./notifications.mjs";
import { Cast, KINDS } from "./registers.mjs";
import { Workload } from "./workload.mjs";

test("the_checkers_own_tests_pass", async () => {
  const { code, stdout, stderr } = await runProgram(process.execPath, ["--test", fileURLToPath(new URL("checker.test.mjs", import.meta.url))]);
  assert.equal(code, 0, stdout + stderr);
});

// ---- a whole run against a server that is wrong

async function runAgainst(context, fake) {
  await fake.up();
  context.after(() => fake.down());
  const client = new Client(fake.members[0]);
  const cast = Object.assign(new Cast(), { client, admin: {} });
  const registers = [await KINDS.system(cast, "system-1"), await KINDS.system(cast, "system-2"), await KINDS.theme(cast, "theme")];
  for (const register of registers) register.thinkMs = 40;
  const workload = new Workload({ members: fake.members, registers, seed: 1 });
  context.after(async () => {
    client.close();
    workload.close();
  });
  workload.start();
  await until("enough to judge", () => workload.counts.writes > 60 && workload.counts.reads > 300);
  await workload.stop();
  assert.deepEqual(workload.problems, []);
  return check(workload.history);
}

test("a_run_against_a_server_that_keeps_its_promise_finds_nothing", async (context) => {
  assert.deepEqual(await runAgainst(context, new Fake()), []);
});

test("a_run_against_a_server_that_remembers_for_too_long_finds_it", async (context) => {
  const found = await runAgainst(context, new Fake({ lateMs: 15 }));
  assert.ok(found.length > 0);
  assert.deepEqual([...new Set(found.map(({ kind }) => kind))], ["stale"]);
  assert.ok(found.every(({ ageMs }) => ageMs > 0 && ageMs < 1000));
});

// ---- judges and plans

test("a_plan_is_of_its_seed_and_has_every_fault", () => {
  const size = { seconds: 120, processes: 3, redis: true };
  assert.deepEqual(faultsOf(7, size), faultsOf(7, size));
  assert.notDeepEqual(faultsOf(7, size), faultsOf(8, size));
  const kinds = (seed) => new Set(Object.values(faultsOf(seed, size)).flat().map(({ what }) => what));
  for (let seed = 1; seed <= 50; seed++) assert.equal(kinds(seed).size, 16, `seed ${seed}: ${[...kinds(seed)].join(", ")}`);
  assert.deepEqual(faultsOf(7, { seconds: 60, processes: 1, postgres: false }).all, []);
  const draws = (...parts) => Array.from({ length: 3 }, drawing(...parts));
  assert.deepEqual(draws(1, "a"), draws(1, "a"));
  assert.notDeepEqual(draws(1, "a"), draws(1, "b"));
});

test("lost_and_doubled_notifications_are_seen", () => {
  const well = () => ({
    sends: [{ title: "n-0", recipients: [0, 1] }, { title: "n-1", recipients: [1] }],
    deliveries: new Map(["webhook/0/n-0", "webhook/1/n-0", "webhook/1/n-1"].map((key) => {
      const id = `id ${key}`;
      return [key, [{ id, deed: "reset", answered: undefined }, { id, deed: "take", answered: 5 }]];
    })),
    inboxes: [["n-0"], ["n-1", "n-0"]],
  });
  assert.deepEqual(judgeNotifications(well()), { problems: [], duplicates: 0 });
  const spoilt = {
    "never arrived": (seen) => seen.deliveries.delete("webhook/1/n-0"),
    "never arrived (1 requests)": (seen) => seen.deliveries.get("webhook/1/n-1").pop(),
    "not the same webhook-id": (seen) => (seen.deliveries.get("webhook/1/n-1")[0].id = "another"),
    "has the webhook-id of": (seen) => seen.deliveries.set("webhook/1/n-1", [{ id: "id webhook/0/n-0", deed: "take", answered: 5 }]),
    "stands 0 times": (seen) => seen.inboxes[0].pop(),
    "stands 2 times": (seen) => seen.inboxes[0].push("n-0"),
  };
  for (const [complaint, spoil] of Object.entries(spoilt)) {
    const seen = well();
    spoil(seen);
    assert.ok(judgeNotifications(seen).problems.some((problem) => problem.includes(complaint)), complaint);
  }
  const again = well();
  again.deliveries.get("webhook/1/n-1").push({ id: "id webhook/1/n-1", deed: "take", answered: 9 });
  assert.deepEqual(judgeNotifications(again), { problems: [], duplicates: 1 });
});

test("fires_beyond_the_ticks_are_seen", () => {
  const judge = (at, excused = 0) => judgeFires({ arrivals: new Map([["check", at]]), intervalMs: 1000, excused }).problems.length;
  assert.equal(judge([100, 1100, 2100, 3100]), 0);
  assert.equal(judge([100, 1100, 5100, 6100]), 0);
  assert.equal(judge([100, 1900, 2100, 3100]), 0); // one of them late
  assert.equal(judge([100, 1100, 1100, 2100, 3100]), 1);
  assert.equal(judge([100, 1100, 1100, 2100, 3100], 1), 0);
  assert.equal(judge([]), 1);
  assert.deepEqual(judgeTicks([{ schedule: "a", tick: 1 }, { schedule: "a", tick: 2 }, { schedule: "b", tick: 1 }]), []);
  assert.deepEqual(judgeTicks([{ schedule: "a", tick: 1 }, { schedule: "a", tick: 1 }]), ["a fired twice at 1"]);
});

test("slow_mutations_are_seen", () => {
  assert.deepEqual([percentile([3, 1, 2, 4], 0.5), percentile([1, 2, 3, 4], 0.99), percentile([5], 0.5)], [2, 4, 5]);
  const well = { healthy: { p50: 5 }, frozenFirst: 2250, frozenThen: { p50: 6 }, afterwards: { p50: 5 } };
  const judge = (change) => judgeLatency({ ...well, ...change }, { leaseMs: 2000, marginMs: 250 }).length;
  assert.equal(judge({}), 0);
  assert.equal(judge({ frozenFirst: 4000 }), 1);
  assert.equal(judge({ frozenThen: { p50: 2000 } }), 1);
  assert.equal(judge({ afterwards: { p50: 2000 } }), 1);
  assert.equal(judgeLatency({ healthy: { p50: 5 } }, { leaseMs: 2000, marginMs: 250 }).length, 0);
});

// ---- the proxy

/** An echo server, and clients of it through a proxy: each remembers what it heard. */
async function echo(context, options) {
  const sockets = new Set();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy = await new Proxy({ host: "127.0.0.1", port: server.address().port }, options).up();
  const clients = [];
  context.after(async () => {
    for (const { socket } of clients) socket.destroy();
    for (const socket of sockets) socket.destroy();
    await proxy.down();
    server.close();
  });
  const client = async () => {
    const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
    const one = { socket, heard: "", ended: false, broken: false };
    clients.push(one);
    socket.on("data", (bytes) => (one.heard += bytes.toString("latin1")));
    socket.on("end", () => (one.ended = true));
    socket.on("error", () => (one.broken = true));
    socket.on("close", () => (one.closed = true));
    await inTime("a connection", once(socket, "connect"));
    return one;
  };
  return { proxy, client };
}
const hears = (client, text) => until(`"${text}" to come back`, () => client.heard === text);

test("the_proxy_hands_on_and_ends_in_order", async (context) => {
  const { proxy, client } = await echo(context);
  const one = await client();
  const long = "0123456789".repeat(300_000);
  one.socket.write(long);
  one.socket.end("!");
  await until("everything to come back", () => one.ended);
  assert.ok(one.heard === `${long}!`);
  await until("the connection to be forgotten", () => proxy.count() === 0);
});

test("the_proxy_holds_what_is_under_way_and_lets_it_go_in_order", async (context) => {
  const { proxy, client } = await echo(context);
  const one = await client();
  one.socket.write("a");
  await hears(one, "a");
  proxy.hold();
  one.socket.write("b");
  one.socket.write("c");
  const late = await client();
  late.socket.write("d");
  await until("everything to wait in the proxy", () => proxy.waiting === 3);
  assert.deepEqual([one.heard, late.heard], ["a", ""]);
  proxy.heal();
  await hears(one, "abc");
  await hears(late, "d");
});

test("the_proxy_delays_each_piece_and_keeps_the_order", async (context) => {
  const { proxy, client } = await echo(context);
  const one = await client();
  proxy.delay(60);
  const began = performance.now();
  for (const piece of "abc") one.socket.write(piece);
  await hears(one, "abc");
  assert.ok(performance.now() - began >= 119); // there and back
  proxy.heal();
  one.socket.write("d");
  await hears(one, "abcd");
});

test("the_proxy_cuts_and_refuses", async (context) => {
  const { proxy, client } = await echo(context);
  const one = await client();
  one.socket.write("a");
  await hears(one, "a");
  proxy.cut();
  await until("the cut", () => one.broken && one.closed);
  const two = await client();
  two.socket.write("b");
  await hears(two, "b");
  proxy.refuse();
  await until("the cut", () => two.broken && two.closed);
  const three = await client().catch(() => ({ broken: true }));
  await until("the refusal", () => three.broken || three.closed);
  proxy.heal();
  const four = await client();
  four.socket.write("c");
  await hears(four, "c");
});

test("the_proxy_knows_a_bus_by_what_its_client_says", async (context) => {
  for (const [speaks, words] of [["postgres", 'Q\0\0\0\x15listen "watchbell";\0'], ["redis", "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n"]]) {
    const { proxy, client } = await echo(context, { speaks });
    const bus = await client();
    const rest = await client();
    bus.socket.write(words);
    rest.socket.write("select 'listen to me'");
    await hears(bus, words);
    await hears(rest, "select 'listen to me'");
    assert.deepEqual([proxy.count("bus"), proxy.count("rest")], [1, 1]);
    proxy.hold("bus");
    bus.socket.write("x");
    rest.socket.write("y");
    await until("the word to wait in the proxy", () => proxy.waiting === 1);
    await hears(rest, "select 'listen to me'y");
    assert.equal(bus.heard, words);
    proxy.heal();
    await hears(bus, `${words}x`);
    proxy.refuse("bus");
    await until("the bus to be cut", () => bus.closed);
    rest.socket.write("z");
    await hears(rest, "select 'listen to me'yz");
    const again = await client();
    again.socket.write(words);
    await until("the new bus to be refused", () => again.closed);
    assert.equal(again.heard, "");
  }
});

// ---- the balancer

/** Servers that say their number and what they were sent; each may be not ready. */
async function backends(context, count) {
  const list = [];
  for (let number = 0; number < count; number++) {
    const backend = { ready: true, asked: 0 };
    backend.server = createHttpServer((from, to) => {
      if (from.url === "/readyz") {
        to.writeHead(backend.ready ? 200 : 503).end();
        return;
      }
      backend.asked += 1;
      let body = "";
      from.on("data", (part) => (body += part));
      from.on("end", () => {
        const { method, url, headers } = from;
        to.writeHead(201, { "x-number": number, "set-cookie": ["a=1", "b=2"] }).end(JSON.stringify({ number, method, url, host: headers.host, body }));
      });
    });
    backend.server.on("upgrade", (from, socket) => {
      socket.on("error", () => {});
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
      socket.pipe(socket);
    });
    await new Promise((resolve) => backend.server.listen(0, "127.0.0.1", resolve));
    backend.port = backend.server.address().port;
    list.push(backend);
    context.after(async () => {
      backend.server.closeAllConnections();
      backend.server.close();
    });
  }
  const balancer = await new Balancer(list.map(({ port }) => () => ({ host: "127.0.0.1", port }))).up();
  context.after(() => balancer.down());
  return { list, balancer };
}

test("the_balancer_goes_round_and_hands_on_everything", async (context) => {
  const { list, balancer } = await backends(context, 3);
  for (let i = 0; i < 9; i++) {
    const response = await fetch(`${balancer.base}/path?q=${i}`, { method: "POST", body: "x".repeat(100_000) });
    const { number, method, url, host, body } = await response.json();
    assert.deepEqual([response.status, method, url, host, body.length], [201, "POST", `/path?q=${i}`, new URL(balancer.base).host, 100_000]);
    assert.equal(response.headers.get("x-number"), String(number));
  }
  assert.deepEqual(list.map(({ asked }) => asked), [3, 3, 3]);
});

test("the_balancer_passes_over_who_is_gone_or_not_ready", async (context) => {
  const { list, balancer } = await backends(context, 3);
  const gone = new Promise((resolve) => list[0].server.close(resolve));
  list[0].server.closeAllConnections();
  await gone;
  // Nobody has noticed yet, and nobody is to notice.
  for (let i = 0; i < 6; i++) assert.equal((await fetch(balancer.base)).status, 201);
  list[1].ready = false;
  await until("the one that is not ready to be left alone", async () => {
    const before = list[1].asked;
    for (let i = 0; i < 6; i++) await fetch(balancer.base);
    return list[1].asked === before;
  });
  const ended = new Promise((resolve) => list[2].server.close(resolve));
  list[2].server.closeAllConnections();
  await ended;
  assert.equal((await fetch(balancer.base)).status, 201); // rather than nobody
  const last = new Promise((resolve) => list[1].server.close(resolve));
  list[1].server.closeAllConnections();
  await last;
  assert.equal((await fetch(balancer.base)).status, 503);
});

test("the_balancer_lets_websockets_through", async (context) => {
  const { balancer } = await backends(context, 2);
  const out = request({ port: balancer.port, host: "127.0.0.1", headers: { connection: "Upgrade", upgrade: "x" } });
  out.end();
  const [answer, socket] = await inTime("the upgrade", once(out, "upgrade"));
  context.after(async () => socket.destroy());
  assert.equal(answer.statusCode, 101);
  socket.write("hello");
  const [heard] = await inTime("the echo", once(socket, "data"));
  assert.equal(heard.toString(), "hello");
});

// ---- servers of our own

function folderOf(context) {
  const folder = mkdtempSync(join(tmpdir(), "watchbell-pieces-"));
  chmodSync(folder, 0o711);
  context.after(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("postgres_starts_sorts_by_bytes_freezes_and_comes_back", async (context) => {
  const folder = folderOf(context);
  const postgres = new Postgres({ folder: join(folder, "postgres"), log: join(folder, "log") });
  context.after(() => postgres.stop());
  await postgres.up();
  assert.deepEqual(postgres.ask("select datcollate, pg_encoding_to_char(encoding) from pg_database where datname = current_database()"), ["C|UTF8"]);
  postgres.ask("create table t (n int); insert into t values (1)");
  await postgres.restart();
  await postgres.restart({ crash: true });
  assert.deepEqual(postgres.ask("select n from t"), ["1"]);

  const proxy = await new Proxy({ path: postgres.path }, { speaks: "postgres" }).up();
  context.after(() => proxy.down());
  const psql = (sql) => runProgram("psql", ["-X", "-A", "-t", postgres.url(proxy.port), "-c", sql]);
  assert.equal((await psql("select 1 + 1")).stdout, "2\n");
  assert.equal(proxy.roundTrips, 2); // the connection and the question
  await postgres.freeze();
  assert.ok(postgres.pids.length > 3 && postgres.pids.every(stands));
  const waiting = psql("select 3");
  await until("the question to have come", () => proxy.count() === 1);
  await postgres.thaw();
  assert.equal((await waiting).stdout, "3\n");
});

test("redis_starts_freezes_flushes_and_comes_back_as_another", async (context) => {
  const folder = folderOf(context);
  const redis = new Redis({ folder: join(folder, "redis"), log: join(folder, "log") });
  context.after(async () => {
    await redis.thaw();
    await redis.stop();
  });
  await redis.up();
  assert.equal(await redis.ask("SET", "a", "1"), "+OK");
  await redis.flush();
  assert.equal(await redis.ask("EXISTS", "a"), ":0");
  await redis.ask("SET", "a", "1");
  await redis.restart();
  assert.equal(await redis.ask("EXISTS", "a"), ":0");
  await redis.freeze();
  const waiting = redis.ask("PING");
  await redis.thaw();
  assert.equal(await waiting, "+PONG");
});

test("the_bus_of_postgres_is_known_and_cut_alone", async (context) => {
  const folder = folderOf(context);
  const postgres = new Postgres({ folder: join(folder, "postgres"), log: join(folder, "log") });
  context.after(() => postgres.stop());
  await postgres.up();
  const proxy = await new Proxy({ path: postgres.path }, { speaks: "postgres" }).up();
  context.after(() => proxy.down());
  const shell = (input) => {
    const child = spawn("psql", ["-X", "-A", "-t", postgres.url(proxy.port)], { stdio: ["pipe", "pipe", "pipe"] });
    const one = { child, said: "" };
    child.stdout.on("data", (text) => (one.said += text));
    child.stderr.on("data", (text) => (one.said += text));
    child.stdin.on("error", () => {});
    child.stdin.write(input);
    context.after(async () => child.kill("SIGKILL"));
    return one;
  };
  const bus = shell('listen "watchbell";\n');
  const rest = shell("select 'a';\n");
  await until("both to be known", () => rest.said === "a\n" && bus.said === "LISTEN\n");
  assert.deepEqual([proxy.count("bus"), proxy.count("rest")], [1, 1]);
  proxy.hold("bus");
  postgres.ask("notify watchbell, 'x'");
  await until("the notification to wait in the proxy", () => proxy.waiting > 0);
  rest.child.stdin.write("select 'b';\n");
  await until("the other to go on", () => rest.said === "a\nb\n");
  proxy.heal();
  bus.child.stdin.write("select 'heard';\n");
  await until("the notification", () => /Asynchronous notification "watchbell" with payload "x"/.test(bus.said));
  proxy.cut("bus");
  bus.child.stdin.write("select 1;\n");
  await until("the bus to be cut", () => /connection to server was lost|server closed the connection|could not receive data/.test(bus.said));
  rest.child.stdin.write("select 'c';\n");
  await until("the other to go on", () => rest.said === "a\nb\nc\n");
});

// ---- the cluster, with something that stands in for the program

async function standIns(context, more) {
  const program = join(folderOf(context), "program");
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${fileURLToPath(new URL("stand_in.mjs", import.meta.url))}" "$@"\n`, { mode: 0o700 });
  const cluster = await Cluster.start({ program, ...more });
  context.after(() => cluster.end());
  return cluster;
}
const asked = async ({ base }) => (await fetch(base)).json();

test("a_cluster_gives_each_process_its_own_way_to_the_servers_and_ends_whole", async (context) => {
  const cluster = await standIns(context, { processes: 3, redis: true, port: 0, env: { WATCHBELL_LOG_LEVEL: "warn" } });
  const told = await Promise.all(cluster.members.map(asked));
  const distinct = (name) => new Set(told.map(({ environment }) => environment[name])).size;
  assert.deepEqual([distinct("WATCHBELL_DATABASE_URL"), distinct("WATCHBELL_REDIS_URL"), distinct("WATCHBELL_MASTER_KEY"), distinct("WATCHBELL_BASE_URL")], [3, 3, 1, 1]);
  const { environment } = told[0];
  assert.equal(environment.WATCHBELL_BASE_URL, cluster.balancer.base);
  assert.equal(environment.WATCHBELL_LOG_LEVEL, "warn");
  assert.match(environment.WATCHBELL_MASTER_KEY, /^[0-9a-f]{64}$/);
  assert.equal((await runProgram("psql", ["-X", "-A", "-t", environment.WATCHBELL_DATABASE_URL, "-c", "select 1"])).stdout, "1\n");
  assert.match((await runProgram("redis-cli", ["-u", environment.WATCHBELL_REDIS_URL, "ping"])).stdout, /PONG/);
  // Everybody in turn, once the balancer has seen that each is ready.
  const inTurn = async () => {
    const pids = new Set();
    for (let i = 0; i < 3; i++) pids.add((await asked(cluster.balancer)).pid);
    return cluster.members.every(({ pid }) => pids.has(pid));
  };
  await until("three requests to reach three processes", inTurn);
  assert.ok(await inTurn());

  const [one, two] = cluster.members;
  const { base, pid } = one;
  await one.kill();
  assert.equal(one.runs, false);
  await one.start();
  assert.equal(one.base, base);
  assert.notEqual(one.pid, pid);
  await two.freeze();
  assert.ok(stands(two.pid));
  await two.thaw();
  assert.equal((await asked(two)).pid, two.pid);
  assert.equal(await two.stop(), 0);

  const all = [...cluster.members.filter(({ runs }) => runs).map((member) => member.pid), ...cluster.postgres.pids];
  await cluster.end();
  assert.ok(all.every(stands));
  assert.equal(existsSync(cluster.folder), false);
});

test("every_fault_can_be_done_and_undone", async (context) => {
  const cluster = await standIns(context, { processes: 2, redis: true });
  const { process: own, all } = faultsOf(3, { seconds: 120, processes: 2, redis: true });
  const soon = (faults) => [...new Map(faults.map((fault) => [fault.what, { ...fault, waitMs: 0, forMs: Math.min(fault.forMs, 20) }])).values()];
  const faults = new Faults(cluster, { process: soon(own), all: soon(all) });
  await faults.play();
  assert.equal(faults.done.length, 16);
  // In the middle of it all.
  cluster.members[0].part();
  await cluster.members[0].freeze();
  await cluster.members[1].kill();
  await cluster.postgres.freeze();
  await cluster.redis.freeze();
  await healed(cluster);
  for (const member of cluster.members) {
    const { environment } = await asked(member);
    assert.equal((await runProgram("psql", ["-X", "-A", "-t", environment.WATCHBELL_DATABASE_URL, "-c", "select 1"])).stdout, "1\n");
    assert.match((await runProgram("redis-cli", ["-u", environment.WATCHBELL_REDIS_URL, "ping"])).stdout, /PONG/);
  }
});

test("what_was_started_dies_with_whoever_started_it", async (context) => {
  const folder = folderOf(context);
  const script = `import { Child } from ${JSON.stringify(new URL("../../tools/cluster/child.mjs", import.meta.url).href)};
    const child = new Child({ name: "sleep", words: ["sleep", "600"], log: ${JSON.stringify(join(folder, "log"))} });
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const outer = new Child({ name: "node", words: [process.execPath, "--input-type=module", "-e", script], log: join(folder, "outer") });
  const [pid] = await outer.says(/^\d+/m);
  await outer.end("SIGKILL");
  await until("the one it started to be gone", () => {
    try {
      process.kill(Number(pid), 0);
      return false;
    } catch {
      return true;
    }
  });
});
