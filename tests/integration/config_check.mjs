// What `watchbell config check` says of database, master key, mail server and clock. PostgreSQL and Redis: src/app/config_check_servertest.cpp.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SMTPServer } from "smtp-server";
import { Api } from "../e2e/lib/api.mjs";
import { Program, runProgram, temporaryFolder } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { listing } from "./lib/folder.mjs";

const SMTP = "notification-smtp.smtp";

/** The lines by what they are about, and the exit code. */
async function checked(context, data, env = {}) {
  const { code, stdout, stderr } = await runProgram(context.options.program, ["config", "check", "--data", data], { env, cwd: tmpdir() });
  assert.equal(stderr, "");
  const lines = stdout.trimEnd().split("\n");
  return { code, about: (what) => lines.find((line) => line.startsWith(`${what}: `)), lines };
}

test("a_new_installation_is_ready_to_be_started", async (context) => {
  const data = temporaryFolder(context);
  const before = listing(dirname(data));
  const { code, lines } = await checked(context, data);
  assert.equal(code, 0, lines.join("\n"));
  assert.deepEqual(lines.slice(0, 4), [
    "settings: ok",
    "database: ok (SQLite, none yet: made at the first start)",
    "master key: ok (none yet: made at the first start)",
    "mail: ok (no mail server is set up)",
  ]);
  assert.match(lines[4], /^clock: ok \(20\d\d-\S+Z, (not )?kept in step/);
  assert.equal(lines.length, 5);
  assert.deepEqual(listing(dirname(data)), before);
  const nowhere = await checked(context, join(data, "deeper"));
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.about("database"), /deeper cannot be made: there is no /);
});

test("a_database_is_looked_at_and_not_touched_with_and_without_a_server", async (context) => {
  const program = await new Program(context).start();
  await new Api(program).onboard();
  const good = /^database: ok \(SQLite 3\.\d+\.\d+, \d+ [kM]B, up to date\)$/;
  assert.match((await checked(context, program.data)).about("database"), good);
  await program.kill();
  const before = listing(program.data);
  const { code, about } = await checked(context, program.data);
  assert.equal(code, 0);
  assert.match(about("database"), good);
  assert.match(about("master key"), /^master key: ok \(in .*master\.key\)$/);
  assert.deepEqual(listing(program.data), before);
});

test("what_a_start_would_refuse_is_said", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  await api.useWebhook("http://127.0.0.1:9/hook", "0123456789abcdef");
  await program.stop();
  const other = await checked(context, program.data, { WATCHBELL_MASTER_KEY: randomBytes(32).toString("hex") });
  assert.equal(other.code, 1);
  assert.match(other.about("master key"), /does not open what the database keeps sealed/);
  assert.match(other.about("mail"), /careful: not looked at/);
  const key = readFileSync(join(program.data, "master.key"));
  rmSync(join(program.data, "master.key"));
  const missing = await checked(context, program.data);
  assert.equal(missing.code, 1);
  assert.match(missing.about("master key"), /holds a database but no master\.key/);
  writeFileSync(join(program.data, "master.key"), key, { mode: 0o600 });
  truncateSync(join(program.data, "watchbell.db"), 8192);
  const cut = await checked(context, program.data);
  assert.equal(cut.code, 1);
  assert.match(cut.about("database"), /cut short/);
  assert.match(cut.about("mail"), /careful: not looked at/);
});

test("the_mail_server_is_greeted_and_gets_no_mail", async (context) => {
  const seen = { mails: 0, senders: [] };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    onMailFrom: ({ address }, _, done) => {
      seen.senders.push(address);
      done(address === "refused@example.com" ? Object.assign(new Error("not from you"), { responseCode: 550 }) : undefined);
    },
    onData: (stream, _, done) => {
      ++seen.mails;
      stream.resume().on("end", done);
    },
  });
  server.on("error", () => {});
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.server.address();
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const set = (config) => api.call("notification", "updateDeliveryStrategy", { strategyId: SMTP, enabled: true, config: { host: "127.0.0.1", port, tls: "none", fromAddress: "bell@example.com", ...config } });
  await set({});
  const good = await checked(context, program.data);
  assert.equal(good.code, 0, good.lines.join("\n"));
  assert.equal(good.about("mail"), `mail: ok (127.0.0.1:${port})`);
  assert.deepEqual(seen, { mails: 0, senders: ["bell@example.com"] });

  await set({ fromAddress: "refused@example.com" });
  const refused = await checked(context, program.data);
  assert.equal(refused.code, 1);
  assert.match(refused.about("mail"), /^mail: 127\.0\.0\.1:\d+ answered 550 not from you/);

  await set({ tls: "starttls" });
  assert.match((await checked(context, program.data)).about("mail"), /^mail: 127\.0\.0\.1:\d+ offers no STARTTLS/);

  await set({ port: 1 });
  assert.match((await checked(context, program.data)).about("mail"), /^mail: could not connect to 127\.0\.0\.1:1: Connection refused/);

  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  context.after(async () => silent.close());
  await new Promise((resolve) => silent.once("listening", resolve));
  await set({ port: silent.address().port });
  const began = performance.now();
  assert.match((await checked(context, program.data)).about("mail"), /^mail: .*(in time|within 2500 ms)/);
  assert.ok(performance.now() - began < 4000);
});

test("a_clock_that_was_put_back_is_said", async (context) => {
  const program = await new Program(context).start();
  await program.stop();
  const before = `update schema_migrations set applied_at = ${(Date.now() + 3600_000) * 1000} where set_name = 'catalog'`;
  const edited = await runProgram("sqlite3", [join(program.data, "watchbell.db"), before]);
  assert.equal(edited.code, 0, edited.stderr);
  const { code, about } = await checked(context, program.data);
  assert.equal(code, 1);
  assert.match(about("clock"), /^clock: it says .*, but the database was brought up to date at .*: one of the two was wrong$/);
});
