// `watchbell backup` and `watchbell restore`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync, openSync, closeSync } from "node:fs";
import { dirname, join } from "node:path";
import { Api } from "../e2e/lib/api.mjs";
import { Program, runProgram, temporaryFolder } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { until } from "../e2e/lib/wait.mjs";
import { listing } from "./lib/folder.mjs";

async function succeeds(context, args, more) {
  const { code, stdout, stderr } = await runProgram(context.options.program, args, more);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return more?.both ? { stdout, stderr } : stdout;
}
/** One sentence on standard error; what is in `untouched` stays as it is. */
async function fails(context, args, untouched, more) {
  const before = untouched.map(listing);
  const { code, stdout, stderr } = await runProgram(context.options.program, args, more);
  assert.equal(code, 1, `${args.join(" ")}: ${stdout}${stderr}`);
  assert.equal(stdout, "");
  assert.match(stderr, /^watchbell: [^\n]+\n$/);
  assert.deepEqual(untouched.map(listing), before);
  return stderr;
}
const backup = (data, file) => ["backup", file, "--data", data];
const restore = (data, file) => ["restore", file, "--data", data];
const commandOf = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it has ended
  }
};
const names = async (api) => (await api.call("catalog", "getSystems")).systems.map(({ name }) => name).sort();
const keptIn = (data) => readdirSync(data).filter((name) => /^watchbell\.db\.replaced-\d{8}T\d{6}Z(-\d)?$/.test(name));

/** A server that was used, and a copy of its database from before it got its second system. */
async function backedUp(context) {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  await api.useWebhook("http://127.0.0.1:9/hook", "0123456789abcdef");
  await api.call("catalog", "createSystem", { name: "Shop" });
  const file = join(dirname(program.data), "copy.db");
  assert.match(await succeeds(context, backup(program.data, file)), /copy\.db holds the database, \d+ bytes; the master key is not in it/);
  await api.call("catalog", "createSystem", { name: "Later" });
  assert.deepEqual(await names(api), ["Later", "Shop"]);
  return { program, api, file };
}

test("a_backup_is_made_beside_a_server_and_put_back_when_it_has_stopped", async (context) => {
  const { program, file } = await backedUp(context);
  assert.equal((statSync(file).mode & 0o777).toString(8), "600");
  // Its database is in use.
  assert.match(await fails(context, restore(program.data, file), []), /in use by another watchbell process/);
  assert.deepEqual(await names(await new Api(program).signIn()), ["Later", "Shop"]);
  await program.stop();
  const said = await succeeds(context, restore(program.data, file));
  assert.match(said, /^restored \S+copy\.db, \d+ bytes, 0 migrations to run at the next start\nthe database that was there is now \S+watchbell\.db\.replaced-\d{8}T\d{6}Z\n$/);
  assert.deepEqual(readdirSync(program.data).filter((name) => !name.startsWith("watchbell.db.replaced")).sort(), ["master.key", "setup.token", "watchbell.db"]);
  assert.equal((statSync(join(program.data, "watchbell.db")).mode & 0o777).toString(8), "600");
  await program.start();
  const api = await new Api(program).signIn();
  assert.deepEqual(await names(api), ["Shop"]);
  // What was sealed opens.
  assert.equal((await api.call("notification", "getUserDeliveryChannels")).find(({ strategyId }) => strategyId === "notification-webhook.webhook").isConfigured, true);
  // And back: what was replaced is a whole database too.
  await program.stop();
  const [kept] = keptIn(program.data);
  await succeeds(context, restore(program.data, join(program.data, kept)));
  await program.start();
  assert.deepEqual(await names(await new Api(program).signIn()), ["Later", "Shop"]);
});

test("a_backup_without_a_server_holds_what_was_committed_last_and_changes_nothing_else", async (context) => {
  const { program, file } = await backedUp(context);
  await program.kill(); // its last commits are in the log beside the database
  const second = join(dirname(file), "second.db");
  await succeeds(context, backup(program.data, second));
  assert.match(await fails(context, backup(program.data, second), [dirname(file)]), /second\.db cannot be made: File exists/);
  await succeeds(context, restore(program.data, second));
  await program.start();
  assert.deepEqual(await names(await new Api(program).signIn()), ["Later", "Shop"]);
});

test("a_restore_makes_the_folder_of_a_new_machine", async (context) => {
  const { program, file } = await backedUp(context);
  await program.stop();
  const key = readFileSync(join(program.data, "master.key"), "utf8").trim();
  const elsewhere = new Program(context);
  const said = await succeeds(context, restore(elsewhere.data, file), { both: true });
  assert.match(said.stdout, /^restored [^\n]+\n$/);
  assert.deepEqual(readdirSync(elsewhere.data), ["watchbell.db"]);
  // Without the key of the backup it does not start, and makes none of its own.
  await assert.rejects(elsewhere.start(), /holds a database but no master\.key/);
  await elsewhere.start({ WATCHBELL_MASTER_KEY: key });
  assert.deepEqual(await names(await new Api(elsewhere).signIn()), ["Shop"]);
});

test("a_restore_under_another_master_key_says_so", async (context) => {
  const { program, file } = await backedUp(context);
  await program.stop();
  const env = { WATCHBELL_MASTER_KEY: randomBytes(32).toString("hex") };
  const { stderr } = await succeeds(context, restore(program.data, file), { both: true, env });
  assert.match(stderr, /careful: the master key in force does not open what this database keeps sealed/);
});

test("what_is_no_whole_backup_of_ours_is_refused_and_nothing_is_changed", async (context) => {
  const { program, file } = await backedUp(context);
  await program.stop();
  const top = dirname(file);
  const bad = join(top, "bad.db");
  const refused = async (told) => assert.match(await fails(context, restore(program.data, bad), [top]), told);
  await refused(/there is no file .*bad\.db/);
  mkdirSync(bad);
  await refused(/there is no file .*bad\.db/);
  rmSync(bad, { recursive: true });
  writeFileSync(bad, "");
  await refused(/bad\.db is empty/);
  writeFileSync(bad, "x".repeat(8192));
  await refused(/bad\.db is no SQLite database/);
  copyFileSync(file, bad);
  truncateSync(bad, statSync(file).size - 4096);
  await refused(/bad\.db is cut short/);
  // A page in its middle is not what it was.
  copyFileSync(file, bad);
  const handle = openSync(bad, "r+");
  writeSync(handle, Buffer.alloc(4096, 0x5a), 0, 4096, 4096 * 8);
  closeSync(handle);
  await refused(/bad\.db.*(damaged|malformed)/);
  const sqlite = async (statement) => {
    rmSync(bad, { force: true });
    copyFileSync(file, bad);
    const child = spawn("sqlite3", [bad, statement], { stdio: ["ignore", "inherit", "inherit"] });
    assert.deepEqual(await once(child, "close"), [0, null]);
  };
  await sqlite("insert into schema_migrations values ('notification', 99, 'of_tomorrow', 'x', 1)");
  await refused(/bad\.db.*newer than this program/);
  await sqlite("update schema_migrations set checksum = 'x' where set_name = 'catalog' and number = 1");
  await refused(/bad\.db.*checksum differs/);
  await sqlite("drop table schema_migrations");
  await refused(/bad\.db.*none of this program/);
  copyFileSync(file, bad);
  writeFileSync(`${bad}-wal`, "something");
  await refused(/bad\.db-wal beside it/);
  rmSync(`${bad}-wal`);
  assert.match(await fails(context, restore(program.data, join(program.data, "watchbell.db")), [top]), /is the database itself/);
  assert.match(await fails(context, backup(join(top, "absent"), bad), [top]), /there is no database/);
  assert.match(await fails(context, restore(top, file), [top]), /holds other things and no Watchbell data/);
  await program.start();
  assert.deepEqual(await names(await new Api(program).signIn()), ["Later", "Shop"]);
});

test("a_damaged_database_is_replaced_and_kept_with_its_log", async (context) => {
  const { program, file } = await backedUp(context);
  await program.kill();
  const database = join(program.data, "watchbell.db");
  const log = readFileSync(`${database}-wal`);
  assert.ok(log.length > 0);
  writeFileSync(database, "x".repeat(8192));
  await assert.rejects(program.start(), /no SQLite database/);
  await succeeds(context, restore(program.data, file));
  const [kept] = keptIn(program.data);
  assert.equal(readFileSync(join(program.data, kept), "utf8"), "x".repeat(8192));
  assert.deepEqual(readFileSync(join(program.data, `${kept}-wal`)), log);
  assert.ok(!existsSync(`${database}-wal`));
  await program.start();
  assert.deepEqual(await names(await new Api(program).signIn()), ["Shop"]);
});

test("what_a_restore_left_that_was_cut_off_is_no_hindrance", async (context) => {
  const { program, file } = await backedUp(context);
  await program.stop();
  for (const suffix of ["", "-wal", "-shm"]) writeFileSync(join(program.data, `watchbell.db.restoring${suffix}`), "half");
  await succeeds(context, restore(program.data, file));
  assert.deepEqual(readdirSync(program.data).filter((name) => name.includes("restoring")), []);
  await program.start();
  assert.deepEqual(await names(await new Api(program).signIn()), ["Shop"]);
  // On a new machine it is all there is.
  const elsewhere = temporaryFolder(context);
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, "watchbell.db.restoring"), "half");
  await succeeds(context, restore(elsewhere, file));
  assert.deepEqual(readdirSync(elsewhere), ["watchbell.db"]);
});

test("a_backup_waits_for_a_command_that_has_the_folder", async (context) => {
  const { program, file } = await backedUp(context);
  await program.stop();
  const holder = spawn("flock", [program.data, "sh", "-c", "echo held; cat"], { stdio: ["pipe", "pipe", "inherit"] });
  context.after(async () => holder.kill());
  await once(holder.stdout, "data");
  const copied = succeeds(context, backup(program.data, `${file}.2`));
  await until("the command to be there", () => readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(`${file}.2`)));
  assert.ok(!existsSync(`${file}.2`));
  holder.stdin.end();
  await copied;
  assert.ok(existsSync(`${file}.2`));
});

test("backup_and_restore_of_postgresql_are_told_where_to_go", async (context) => {
  const env = { WATCHBELL_MASTER_KEY: randomBytes(32).toString("hex"), WATCHBELL_DATABASE_URL: "postgresql://bell@127.0.0.1:1/bell" };
  const data = temporaryFolder(context);
  assert.match(await fails(context, backup(data, join(dirname(data), "x")), [dirname(data)], { env }), /pg_dump/);
  assert.match(await fails(context, restore(data, join(dirname(data), "x")), [dirname(data)], { env }), /pg_restore/);
});
