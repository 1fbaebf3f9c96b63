// Starting and stopping: what keeps the server from starting is said in one sentence and leaves the disk as it was; what was accepted
// survives every way to end.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Api } from "../e2e/lib/api.mjs";
import { Program, runProgram, temporaryFolder } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { Target } from "../e2e/lib/target.mjs";
import { inTime, until } from "../e2e/lib/wait.mjs";
import { listing } from "./lib/folder.mjs";
import { RawSocket, RawWebSocket } from "./lib/raw.mjs";
import { readOnly } from "./lib/read_only.mjs";

/** Tries to start on a folder and is refused: one sentence, exit code 1, the disk untouched. Answers the sentence. */
async function refused(context, data, { listen = "127.0.0.1:0", args = [], env = {}, wrap = [], folder = dirname(data) } = {}) {
  const before = listing(folder);
  const { code, signal, stdout, stderr } = await runProgram(context.options.program, ["serve", "--listen", listen, "--data", data, ...args], { env, wrap, within: 10_000 });
  assert.deepEqual({ code, signal, stdout }, { code: 1, signal: null, stdout: "" }, stderr);
  assert.match(stderr, /^watchbell: [^\n]+\n$/);
  assert.deepEqual(listing(folder), before);
  return stderr;
}

/** A data folder that a server has used and left in peace. */
async function usedFolder(context) {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  await api.call("catalog", "createSystem", { name: "Shop" });
  assert.equal(await program.stop(), 0);
  return program.data;
}

test("a_port_in_use_is_said_and_makes_no_folder", async (context) => {
  const other = await new Target(context).up();
  const { host } = new URL(other.url);
  const sentence = await refused(context, temporaryFolder(context), { listen: host });
  assert.match(sentence, new RegExp(`${host}.*in use`));
});

test("a_metrics_port_in_use_is_said_and_makes_no_folder", async (context) => {
  const other = await new Target(context).up();
  const { host } = new URL(other.url);
  const sentence = await refused(context, temporaryFolder(context), { env: { WATCHBELL_METRICS_LISTEN: host } });
  assert.match(sentence, new RegExp(`${host}.*in use`));
});

test("an_address_that_is_none_of_ours_is_said", async (context) => {
  assert.match(await refused(context, temporaryFolder(context), { listen: "192.0.2.1:3000", env: { WATCHBELL_BASE_URL: "https://bell.example" } }), /192\.0\.2\.1/);
});

test("a_data_folder_that_cannot_be_written_is_said", async (context) => {
  const data = await usedFolder(context);
  assert.match(await refused(context, data, { wrap: readOnly(context, data) }), /cannot write to the data folder.*data/);
});

test("a_data_folder_that_cannot_be_made_is_said", async (context) => {
  const data = temporaryFolder(context);
  assert.match(await refused(context, data, { wrap: readOnly(context, dirname(data)) }), /cannot make the data folder.*data/);
  assert.match(await refused(context, join(data, "deeper")), /cannot make the data folder.*deeper/);
  writeFileSync(data, "a file");
  assert.match(await refused(context, data), /data folder.*data/);
});

test("a_data_folder_in_use_is_said_and_its_server_serves_on", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  assert.match(await refused(context, program.data), /in use by another watchbell/);
  assert.equal((await api.call("auth", "getCurrentUserProfile")).name, "Ada Admin");
});

test("a_damaged_database_is_said_and_left_alone", async (context) => {
  const data = await usedFolder(context);
  const file = join(data, "watchbell.db");
  const sound = readFileSync(file);
  const damaged = async (bytes) => {
    writeFileSync(file, bytes);
    return refused(context, data);
  };
  const garbage = Buffer.from(sound);
  garbage.fill(0x55, 0, 100);
  assert.match(await damaged(garbage), /watchbell\.db/);
  // A refused start takes no rights away either.
  chmodSync(data, 0o755);
  assert.match(await damaged(garbage), /watchbell\.db/);
  assert.equal(statSync(data).mode & 0o777, 0o755);
  assert.match(await damaged("no database at all\n"), /watchbell\.db/);
  assert.match(await damaged(sound.subarray(0, sound.length / 2)), /watchbell\.db/);
  assert.match(await damaged(sound.subarray(0, 50)), /watchbell\.db/);

  // A migration that was another one when it ran: its row is the set's name, a number without bytes, the file's name, the checksum.
  const text = sound.toString("latin1");
  const found = /authauth([0-9a-f]{64})/.exec(text);
  assert.ok(found, "the checksum of the first migration of auth");
  const at = found.index + found[0].length - 1;
  const changed = Buffer.from(sound);
  changed[at] = changed[at] === 0x30 ? 0x31 : 0x30;
  assert.match(await damaged(changed), /auth.*checksum/);

  writeFileSync(file, sound);
  const program = await new Program(context, { data }).start();
  assert.equal((await (await new Api(program).signIn()).call("catalog", "getSystems")).systems.length, 1);
});

test("an_unknown_or_bad_setting_is_said_with_the_nearest_known_one", async (context) => {
  const data = temporaryFolder(context);
  assert.match(await refused(context, data, { env: { WATCHBELL_LISTN: "127.0.0.1:1" } }), /WATCHBELL_LISTN.*WATCHBELL_LISTEN/);
  const file = join(dirname(data), "settings.toml");
  writeFileSync(file, 'log_levle = "info"\n');
  assert.match(await refused(context, data, { args: ["--config", file] }), /log_levle.*log_level/);
  writeFileSync(file, "log_level = 5\n");
  assert.match(await refused(context, data, { args: ["--config", file] }), /log_level/);
  writeFileSync(file, "log_level = \n");
  assert.match(await refused(context, data, { args: ["--config", file] }), /settings\.toml/);
  assert.match(await refused(context, data, { args: ["--config", join(dirname(data), "absent.toml")] }), /absent\.toml/);
  assert.match(await refused(context, data, { listen: "nonsense" }), /listen/);
  assert.match(await refused(context, data, { env: { WATCHBELL_MASTER_KEY: "secret-but-short" } }), /^(?!.*secret-but-short).*MASTER_KEY|master_key/i);
  assert.match(await refused(context, data, { env: { WATCHBELL_REDIS_URL: "redis://127.0.0.1" } }), /redis_url|REDIS_URL/);
});

test("a_folder_with_other_things_in_it_is_left_alone", async (context) => {
  const data = temporaryFolder(context);
  mkdirSync(data, { mode: 0o755 });
  writeFileSync(join(data, "somebody's.txt"), "not ours");
  chmodSync(data, 0o1777);
  assert.match(await refused(context, data), /holds other things/);
  assert.equal(statSync(data).mode & 0o7777, 0o1777);
});

test("an_empty_folder_that_others_may_read_becomes_private", async (context) => {
  const data = temporaryFolder(context);
  mkdirSync(data);
  chmodSync(data, 0o755);
  await new Program(context, { data }).start();
  assert.equal(statSync(data).mode & 0o777, 0o700);
});

test("who_stops_reading_the_log_does_not_end_the_server", async (context) => {
  const data = temporaryFolder(context);
  const child = spawn(context.options.program, ["serve", "--listen", "127.0.0.1:0", "--data", data], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  context.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  let text = "";
  child.stdout.on("data", (bytes) => (text += bytes));
  await until("the server to listen", () => /listening on (\S+)/.test(text));
  const base = /listening on (\S+)/.exec(text)[1];
  child.stderr.destroy();
  child.stdout.destroy();
  for (let i = 0; i < 3; ++i) assert.equal((await fetch(`${base}/api/none/such`)).status, 404); // each is a line of the log
  assert.equal((await fetch(`${base}/healthz`)).status, 200);
  child.kill("SIGTERM");
  assert.equal(await ended, 0);
});

test("visitors_cannot_take_the_files_that_checks_need", async (context) => {
  let runs = 0;
  const target = await new Target(context, (_, response) => response.end(`${++runs}\n`)).up();
  const program = await new Program(context, { wrap: ["prlimit", "--nofile=120:120"] }).start();
  const api = await new Api(program).onboard();
  const system = await api.watch("Shop", target.url);
  await until("the system to be healthy", async () => (await api.stateOf(system)) === "healthy");
  // More than there are files; those beyond the bound wait in the kernel's queue.
  const idle = await Promise.all(Array.from({ length: 200 }, () => RawSocket.open(context, program)));
  for (const socket of idle) socket.write("GET");
  const before = runs;
  await until("five more runs", () => runs >= before + 5);
  for (const socket of idle) socket.cut();
  assert.equal(await api.stateOf(system), "healthy");
  const { runs: history } = await api.call("healthcheck", "getHistory", { systemId: system.id, limit: 100, sortOrder: "desc" });
  assert.ok(history.length >= 5);
  assert.deepEqual([...new Set(history.map(({ status }) => status))], ["healthy"]);
});

test("a_fresh_folder_is_ours_alone", async (context) => {
  const { data } = await new Program(context).start();
  const modeOf = (path) => (statSync(path).mode & 0o777).toString(8);
  assert.equal(modeOf(data), "700");
  assert.equal(modeOf(join(data, "master.key")), "600");
  assert.equal(modeOf(join(data, "admin.sock")), "600");
});

test("the_first_line_says_where_it_listens_and_the_probes_answer", async (context) => {
  const program = await new Program(context).start();
  assert.equal(program.stdout.split("\n")[0], `listening on ${program.base}`);
  for (const path of ["/healthz", "/.checkstack/health"]) {
    const response = await fetch(program.base + path);
    assert.deepEqual([response.status, await response.json()], [200, { status: "ok" }]);
  }
  for (const path of ["/readyz", "/.checkstack/ready"]) {
    const response = await fetch(program.base + path);
    assert.equal(response.status, 200);
    const { ready, checks } = await response.json();
    assert.equal(ready, true);
    assert.ok(checks.some(({ name, ok }) => name === "db.reachable" && ok));
  }
});

test("sigterm_ends_with_0_and_a_second_start_finds_everything", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  await api.call("catalog", "createSystem", { name: "Shop" });
  const socket = await RawWebSocket.open(context, program, { cookie: api.cookie, origin: program.base });
  await socket.json();
  const idle = await RawSocket.open(context, program);
  const closing = socket.closeCode();
  assert.equal(await program.stop(10_000), 0);
  assert.equal(await closing, 1001);
  await idle.closed();

  await program.start();
  assert.deepEqual((await api.call("catalog", "getSystems")).systems.map(({ name }) => name), ["Shop"]);
  assert.equal((await api.call("auth", "getOnboardingStatus")).needsOnboarding, false);
  assert.equal(await program.stop(10_000), 0);
});

test("L_3_sigterm_under_load_loses_no_accepted_request", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const sockets = [];
  for (let i = 0; i < 40; ++i) sockets.push(await RawSocket.open(context, program));
  sockets.forEach((socket, i) => {
    const body = `{"json":{"name":"System ${i}"}}`;
    socket.write(`POST /api/catalog/createSystem HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nCookie: ${api.cookie}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  const answers = sockets.map((socket) => socket.answer());
  await Promise.race(answers); // by then the requests are being worked on
  const code = program.stop(30_000);
  for (const answer of answers) assert.equal((await answer).status, 200);
  assert.equal(await code, 0);
  await program.start();
  assert.equal((await api.call("catalog", "getSystems")).systems.length, 40);
});

test("L_4_what_was_answered_survives_kill_9", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const answered = new Set();
  const write = async (worker) => {
    for (let i = 0; ; ++i) {
      const name = `${worker}.${i}`;
      await api.call("catalog", "createSystem", { name });
      answered.add(name);
    }
  };
  const workers = [0, 1, 2, 3].map((worker) => write(worker).catch(() => undefined));
  await until("fifty systems", () => answered.size >= 50);
  await program.kill();
  await inTime("the writers to notice", Promise.all(workers));

  await program.start();
  const names = new Set((await api.call("catalog", "getSystems")).systems.map(({ name }) => name));
  assert.deepEqual([...answered].filter((name) => !names.has(name)), []);
  // At most the one request each worker had on the way was done and not answered.
  assert.ok(names.size <= answered.size + 4);
});

test("L_4_a_check_goes_on_after_kill_9", async (context) => {
  const target = await new Target(context).up();
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const system = await api.watch("Shop", target.url);
  await until("the system to be healthy", async () => (await api.stateOf(system)) === "healthy");
  await program.kill();
  await target.down();
  await program.start();
  await until("the system to be unhealthy", async () => (await api.stateOf(system)) === "unhealthy");
  await until("its notification", async () => (await api.inbox()).total === 1);
});

test("a_leftover_socket_of_a_killed_server_is_no_obstacle", async (context) => {
  const program = await new Program(context).start();
  await program.kill();
  assert.ok(statSync(join(program.data, "admin.sock")).isSocket());
  await program.start();
  assert.equal(await program.stop(), 0);
});
