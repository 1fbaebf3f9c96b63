// One process over PostgreSQL: what is promised on SQLite holds there too, and what cannot be served is said in one sentence.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Api } from "../e2e/lib/api.mjs";
import { Program, runProgram, temporaryFolder } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { Sink } from "../e2e/lib/sink.mjs";
import { inTime, until } from "../e2e/lib/wait.mjs";
import { freshDatabase } from "./lib/database.mjs";

async function started(context, database) {
  const program = new Program(context);
  program.env = database.env;
  return program.start();
}

/** Tries to start and is refused: one sentence. Answers it. */
async function refused(context, env, args = []) {
  const data = temporaryFolder(context);
  const { code, signal, stdout, stderr } = await runProgram(context.options.program, ["serve", "--listen", "127.0.0.1:0", "--data", data, ...args], { env, within: 20_000 });
  assert.deepEqual({ code, signal, stdout }, { code: 1, signal: null, stdout: "" }, stderr);
  assert.match(stderr, /^watchbell: [^\n]+\n$/);
  return stderr;
}

const SECRET = "0123456789abcdef";
const ready = async (program) => (await fetch(`${program.base}/readyz`)).status;

test("L_4_over_postgresql_what_was_accepted_survives_a_kill_and_is_delivered", async (context) => {
  const database = await freshDatabase();
  const sink = await new Sink(context, SECRET).up();
  const program = await started(context, database);
  const api = await new Api(program).onboard();
  await api.useWebhook(sink.url, SECRET);
  const system = await api.call("catalog", "createSystem", { name: "Shop" });
  const { id } = await api.call("auth", "getCurrentUserProfile");
  const userIds = [id];
  await api.call("notification", "notifyUsers", { userIds, title: "before the kill", body: "b", importance: "info", idempotencyKey: "1" });
  await program.kill();
  await program.start();
  assert.equal((await api.call("catalog", "getSystem", { systemId: system.id })).name, "Shop");
  assert.equal((await api.call("notification", "getUnreadCount")).count, 1);
  await until("the webhook", () => sink.posts.some(({ raw }) => raw.toString().includes("before the kill")));
  // Read, changed, read: from memory, and never the state before.
  for (let i = 0; i < 20; ++i) {
    await api.call("notification", "notifyUsers", { userIds, title: `n${i}`, body: "b", importance: "info", idempotencyKey: `n${i}` });
    assert.equal((await api.call("notification", "getUnreadCount")).count, i + 2);
  }
  assert.equal(await program.stop(), 0);
  assert.deepEqual(database.server.ask("select count(*) from processes", database.name), ["0"], "who stops leaves");
  assert.deepEqual(database.server.ask("select count(*) from intents", database.name), ["0"]);
});

test("L_1_over_postgresql_readiness_follows_the_database", async (context) => {
  const database = await freshDatabase();
  const program = await started(context, database);
  const api = await new Api(program).onboard();
  assert.equal(await ready(program), 200);
  await database.server.stop();
  try {
    await inTime("readiness to fall", until("503", async () => (await ready(program)) === 503), 5_000);
    assert.equal((await fetch(`${program.base}/healthz`)).status, 200);
  } finally {
    await database.server.start();
  }
  await inTime("readiness to rise", until("200", async () => (await ready(program)) === 200), 10_000);
  assert.equal((await api.call("catalog", "createSystem", { name: "Shop" })).name, "Shop");
});

test("a_master_key_that_is_not_that_of_the_database_is_refused", async (context) => {
  const database = await freshDatabase();
  assert.equal(await (await started(context, database)).stop(), 0);
  const before = database.server.ask("select value from installation", database.name);
  const other = { ...database.env, WATCHBELL_MASTER_KEY: randomBytes(32).toString("hex") };
  assert.match(await refused(context, other), /WATCHBELL_MASTER_KEY is not the key of this database/);
  assert.deepEqual(database.server.ask("select value from installation", database.name), before);
  assert.match(await refused(context, { WATCHBELL_DATABASE_URL: database.env.WATCHBELL_DATABASE_URL }), /WATCHBELL_MASTER_KEY must be set/);
  // Rotated: the old one is told as previous, once.
  const program = await started(context, { env: { ...other, WATCHBELL_MASTER_KEY_PREVIOUS: database.env.WATCHBELL_MASTER_KEY } });
  assert.equal(await program.stop(), 0);
  assert.equal(await (await started(context, { env: other })).stop(), 0);
});

test("databases_that_cannot_be_served_are_said_in_a_sentence_and_left_as_they_are", async (context) => {
  const database = await freshDatabase();
  assert.equal(await (await started(context, database)).stop(), 0);
  const url = database.env.WATCHBELL_DATABASE_URL;
  const at = (change) => ({ ...database.env, WATCHBELL_DATABASE_URL: change });
  assert.match(await refused(context, at(url.replace("/watchbell_", "/nowhere_"))), /nowhere_.*does not exist/);
  assert.match(await refused(context, at(url.replace("watchbell@", "stranger@"))), /stranger/);
  assert.match(await refused(context, at("postgresql://watchbell:hunter2@127.0.0.1:1/x")), /^(?!.*hunter2).*127\.0\.0\.1/);
  database.server.ask("insert into schema_migrations (set_name, number, name, checksum, applied_at) values ('runtime', 999, '0999_later.sql', 'x', 0)", database.name);
  assert.match(await refused(context, database.env), /newer/);
  database.server.ask("delete from schema_migrations where number = 999", database.name);
  database.server.ask("update schema_migrations set checksum = 'x' where set_name = 'runtime' and number = 1", database.name);
  assert.match(await refused(context, database.env), /migration runtime 1 .*checksum/);
  const foreign = await freshDatabase();
  foreign.server.ask("create table theirs (id int)", foreign.name);
  assert.match(await refused(context, foreign.env), /holds tables, but none of this program/);
  assert.deepEqual(foreign.server.ask("select tablename from pg_tables where schemaname = 'public'", foreign.name), ["theirs"]);
});

test("variables_of_other_programs_are_no_settings", async (context) => {
  const database = await freshDatabase();
  const program = await started(context, { env: { ...database.env, PGDATABASE: "nowhere", PGUSER: "stranger", PGOPTIONS: "-c search_path=nowhere", PGHOST: "/nowhere", PGSERVICE: "nobody" } });
  assert.equal(await ready(program), 200);
});

test("commands_without_a_server_work_on_postgresql", async (context) => {
  const database = await freshDatabase();
  const data = temporaryFolder(context);
  const command = (args, input) => runProgram(context.options.program, [...args, "--data", data], { env: database.env, input });
  const made = await command(["admin", "create", "--email", "ada@example.com", "--name", "Ada"], "Bell-1-rings\n");
  assert.equal(made.code, 0, made.stderr);
  const key = await command(["apikey", "create", "--name", "ci", "--rule", "notification.notification.send"]);
  assert.equal(key.code, 0, key.stderr);
  const program = new Program(context, { data });
  program.env = database.env;
  await program.start();
  await new Api(program).signIn();
  const caller = new Api(program, { bearer: key.stdout.trim().split("\n").at(-1) });
  await caller.call("notification", "createGroup", { groupId: "deploys", name: "Deploys", description: "d", ownerPlugin: "ci" });
});
