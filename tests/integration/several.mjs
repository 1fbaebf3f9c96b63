// Several processes over one PostgreSQL: what one does, all know; what one leaves behind, the others do. tests/cluster plays the same at random, with faults.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Api, Refusal } from "../e2e/lib/api.mjs";
import { Program, runProgram, temporaryFolder } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { Sink } from "../e2e/lib/sink.mjs";
import { Target } from "../e2e/lib/target.mjs";
import { inTime, until } from "../e2e/lib/wait.mjs";
import { freshDatabase } from "./lib/database.mjs";
import { RawWebSocket } from "./lib/raw.mjs";

const SECRET = "0123456789abcdef";

/** So many processes over one new database, and the first administrator at each. */
async function processes(context, count = 2) {
  const database = await freshDatabase();
  const programs = [];
  for (let i = 0; i < count; i++) {
    const program = new Program(context);
    program.env = database.env;
    programs.push(await program.start());
  }
  const first = await new Api(programs[0]).onboard();
  const apis = programs.map((program) => Object.assign(new Api(program), { cookie: first.cookie }));
  return { database, programs, apis };
}
const refuses = (status) => (error) => error instanceof Refusal && error.status === status;
const send = (api, userId, title) => api.call("notification", "notifyUsers", { userIds: [userId], title, body: "b", importance: "info", idempotencyKey: title });

test("C_3_what_was_changed_through_one_process_is_read_through_the_other", async (context) => {
  const { apis } = await processes(context, 3);
  const { id } = await apis[0].call("catalog", "createSystem", { name: "Shop" });
  for (let version = 1; version <= 100; ++version) {
    await apis[version % 3].call("catalog", "updateSystem", { id, data: { description: String(version) } });
    for (const api of apis) assert.equal((await api.call("catalog", "getSystem", { systemId: id })).description, String(version));
  }
});

test("S_1_S_7_who_is_connected_to_one_process_hears_what_happens_at_another_and_reads_it", async (context) => {
  const { programs, apis } = await processes(context);
  const user = (await apis[0].call("auth", "getCurrentUserProfile")).id;
  const socket = await RawWebSocket.open(context, programs[1], { cookie: apis[1].cookie, origin: programs[1].base });
  assert.equal((await socket.json()).type, "connected");
  for (let count = 1; count <= 20; ++count) {
    await send(apis[0], user, `n${count}`);
    const heard = new Set();
    while (!heard.has("notification.received") || !heard.has("notification.countChanged")) {
      const { signalId, payload } = await inTime("a signal", socket.json(), 5_000);
      heard.add(signalId);
      if (signalId === "notification.received") assert.equal((await apis[1].call("notification", "getUnreadCount")).count, count);
      if (signalId === "notification.countChanged") assert.equal(payload.unreadCount, count);
    }
  }
});

test("S_5_a_session_that_ends_at_one_process_has_ended_at_the_other", async (context) => {
  const { programs, apis } = await processes(context);
  const other = await new Api(programs[0]).signIn();
  const there = Object.assign(new Api(programs[1]), { cookie: other.cookie });
  assert.equal((await there.call("auth", "getCurrentUserProfile")).email, "ada@example.com");
  const socket = await RawWebSocket.open(context, programs[1], { cookie: other.cookie, origin: programs[1].base });
  assert.equal((await socket.json()).type, "connected");
  await other.post("/api/auth/sign-out", {});
  await assert.rejects(there.call("auth", "getCurrentUserProfile"), refuses(401));
  for (;;) {
    const { opcode, payload } = await inTime("the socket to be closed", socket.frame(), 5_000);
    if (opcode !== 8) continue;
    assert.equal(payload.readUInt16BE(0), 4401);
    break;
  }
  assert.equal((await apis[1].call("auth", "getCurrentUserProfile")).email, "ada@example.com");
});

test("L_4_what_a_process_accepted_that_is_killed_another_delivers", async (context) => {
  const { programs, apis } = await processes(context);
  const sink = await new Sink(context, SECRET).up();
  await apis[0].useWebhook(sink.url, SECRET);
  const user = (await apis[0].call("auth", "getCurrentUserProfile")).id;
  await sink.down();
  const titles = Array.from({ length: 20 }, (_, i) => `accepted ${i}`);
  for (const title of titles) await send(apis[0], user, title);
  await programs[0].kill();
  await sink.up();
  await until("every webhook", () => titles.every((title) => sink.posts.some(({ raw }) => raw.toString().includes(title))), 60_000);
  assert.equal((await apis[1].call("notification", "getUnreadCount")).count, titles.length);
});

test("Q_11_the_checks_of_a_process_that_is_killed_go_on_within_five_seconds_and_never_twice", async (context) => {
  const { programs, apis } = await processes(context);
  const hits = new Map(); // path -> instants
  const target = await new Target(context, (request, response) => {
    const instants = hits.get(request.url) ?? [];
    hits.set(request.url, instants);
    instants.push(performance.now());
    response.end("ok");
  }).up();
  const names = Array.from({ length: 24 }, (_, i) => `c${i}`);
  for (const name of names) await apis[0].watch(name, `${target.url}${name}`, { tellMe: false });
  const count = () => Math.min(...names.map((name) => hits.get(`/${name}`)?.length ?? 0));
  await until("every check to run thrice", () => count() >= 3);
  await programs[1].kill();
  const died = performance.now();
  const since = (name) => hits.get(`/${name}`).filter((at) => at > died + 100).length;
  await until("every check to go on", () => names.every((name) => since(name) > 0), 15_000);
  await until("every check to run thrice more", () => names.every((name) => since(name) >= 3));
  for (const name of names) {
    const instants = hits.get(`/${name}`);
    const first = instants.find((at) => at > died + 100);
    assert.ok(first - died < 6_000, `${name} went on after ${Math.round(first - died)} ms`); // its interval of a second included
    // No more often than it has ticks: what was missed is made good once, in the place of the tick before. A person's change runs a check at once, before its third run.
    const [begin, ...later] = instants.slice(2);
    const ticks = Math.floor((later.at(-1) - begin + 300) / 1000);
    assert.ok(later.length <= ticks, `${name}: ${later.map((at) => Math.round(at - begin)).join(" ")}`);
  }
});

test("a_master_key_is_changed_while_one_process_after_the_other_is_started_anew", async (context) => {
  const { database, programs, apis } = await processes(context);
  const { WATCHBELL_MASTER_KEY: old, ...rest } = database.env;
  const fresh = randomBytes(32).toString("hex");
  const sink = await new Sink(context, SECRET).up();
  const user = (await apis[0].call("auth", "getCurrentUserProfile")).id;
  // Each of the two rounds that the documentation tells of, and the last one.
  for (const [key, previous] of [[old, fresh], [fresh, old]]) {
    for (const program of programs) {
      await program.stop();
      program.env = { ...rest, WATCHBELL_MASTER_KEY: key, WATCHBELL_MASTER_KEY_PREVIOUS: previous };
      await program.start();
    }
  }
  await apis[0].signIn(); // the key of cookies is derived from the master key
  await apis[0].useWebhook(sink.url, SECRET);
  const { code, stderr } = await runProgram(context.options.program, ["keys", "reencrypt", "--data", programs[0].data], { env: programs[0].env });
  assert.equal(code, 0, stderr);
  for (const program of programs) {
    await program.stop();
    program.env = { ...rest, WATCHBELL_MASTER_KEY: fresh };
    await program.start();
  }
  await send(Object.assign(new Api(programs[1]), { cookie: apis[0].cookie }), user, "under the new key");
  await until("the webhook", () => sink.posts.some((post) => post.raw.toString().includes("under the new key") && sink.verifies(post)));
});

test("a_command_beside_running_processes_holds_for_them_when_it_has_ended", async (context) => {
  const { database, programs } = await processes(context);
  const data = temporaryFolder(context);
  const command = async (args) => {
    const { code, stdout, stderr } = await runProgram(context.options.program, [...args, "--data", data], { env: database.env });
    assert.equal(code, 0, stderr);
    return stdout.trim().split("\n").at(-1);
  };
  const key = await command(["apikey", "create", "--name", "ci", "--rule", "notification.notification.send"]);
  const callers = programs.map((program) => new Api(program, { bearer: key }));
  for (const caller of callers) assert.ok((await caller.call("notification", "notifyUsers", { userIds: [], title: "t", body: "b", importance: "info" }).catch((error) => error)).status !== 401);
  const id = (await command(["apikey", "list"])).split(/\s+/)[0];
  await command(["apikey", "revoke", id]);
  for (const caller of callers) await assert.rejects(caller.call("notification", "notifyUsers", { userIds: [], title: "t", body: "b", importance: "info" }), refuses(401));
});
