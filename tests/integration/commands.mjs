// The commands of the program, with and without a server running on their data folder.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { ADMIN, Api, Refusal } from "../e2e/lib/api.mjs";
import { Program, runProgram, temporaryFolder } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { inTime, until } from "../e2e/lib/wait.mjs";
import { listing } from "./lib/folder.mjs";

const SEND = "notification.notification.send";

/** Runs a command that must succeed; answers its standard output. */
async function succeeds(context, args, more) {
  const { code, stdout, stderr } = await runProgram(context.options.program, args, more);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
}
/** Runs a command that must fail; answers what it says on standard error: one sentence. */
async function fails(context, args, more) {
  const { code, stdout, stderr } = await runProgram(context.options.program, args, more);
  assert.equal(code, 1, `${args.join(" ")}: ${stderr}`);
  assert.equal(stdout, "");
  assert.match(stderr, /^watchbell: [^\n]+\n$/);
  return stderr;
}

const adminCreate = (data, email = ADMIN.email) => ["admin", "create", "--data", data, "--email", email, "--name", ADMIN.name];
const keyCreate = (data, ...rules) => ["apikey", "create", "--data", data, "--name", "robot", ...rules.flatMap((rule) => ["--rule", rule])];

test("every_command_has_help", async (context) => {
  for (const command of ["", "serve", "config", "config check", "config show", "config reference", "admin", "admin create", "admin reset", "keys", "keys reencrypt", "apikey", "apikey create", "apikey list", "apikey revoke", "apikey rotate", "backup", "restore", "contract", "contract typescript", "notify", "version"]) {
    const words = command === "" ? [] : command.split(" ");
    const help = await succeeds(context, [...words, "--help"]);
    assert.match(help, /--help/, command);
    assert.match(help, /\w{4,}/, command);
  }
  assert.match(await succeeds(context, ["serve", "--help"]), /--config[\s\S]*--listen[\s\S]*--data/);
});

test("what_is_no_command_is_refused", async (context) => {
  const refused = async (args) => {
    const { code, stdout, stderr } = await runProgram(context.options.program, args, { cwd: dirname(temporaryFolder(context)) });
    assert.equal(code, 1, args.join(" "));
    assert.equal(stdout, "");
    assert.notEqual(stderr, "");
    return stderr;
  };
  for (const args of [[], ["admin", "create"], ["apikey", "create", "--name", "x"], ["config"], ["apikey", "revoke"]]) await refused(args);
  // The word nobody knows is named.
  for (const args of [["nonsense"], ["apikey", "nonsense"], ["serve", "--nonsense"], ["serve", "nonsense"]]) assert.match(await refused(args), /nonsense/, args.join(" "));
  const id = "0190a000-0000-7000-8000-000000000000";
  for (const value of ["-1", "0", "x", "99999999999"]) await refused(["apikey", "create", "--name", "x", "--rule", SEND, "--expires-days", value]);
  for (const value of ["-1", "x", "99999999999"]) await refused(["apikey", "rotate", id, "--keep-hours", value]);
});

test("version_is_one_line", async (context) => {
  assert.match(await succeeds(context, ["version"]), /^watchbell \d+\.\d+\.\d+\n$/);
});

test("contract_typescript_names_every_area", async (context) => {
  const text = await succeeds(context, ["contract", "typescript"]);
  for (const area of ["auth", "catalog", "healthcheck", "notification"]) assert.match(text, new RegExp(`^  ${area}: \\{$`, "m"));
  assert.match(text, /createSystem: Procedure<\{ name: string;/);
});

test("config_check_judges_and_touches_nothing", async (context) => {
  const data = temporaryFolder(context);
  const folder = dirname(data);
  const file = join(folder, "settings.toml");
  writeFileSync(file, 'listen = "127.0.0.1:3999"\nlog_format = "json"\n');
  const before = listing(folder);
  assert.match(await succeeds(context, ["config", "check", "--config", file, "--data", data]), /^settings: ok\ndatabase: ok /);
  assert.deepEqual(listing(folder), before);
  assert.match(await fails(context, ["config", "check", "--listen", "nowhere"]), /listen/);
  assert.match(await fails(context, ["config", "check"], { env: { WATCHBELL_LOG_LEVLE: "info" } }), /WATCHBELL_LOG_LEVLE.*WATCHBELL_LOG_LEVEL/);
  // Names of tests are free.
  await succeeds(context, ["config", "check", "--data", data], { env: { WATCHBELL_TEST_SOMETHING: "1" } });
});

test("config_check_refuses_what_serve_refuses", async (context) => {
  const key = randomBytes(32).toString("hex");
  const postgresql = { WATCHBELL_MASTER_KEY: key, WATCHBELL_DATABASE_URL: "postgresql://bell@127.0.0.1/bell" };
  const data = temporaryFolder(context);
  for (const env of [{ ...postgresql, WATCHBELL_REDIS_URL: "redis://127.0.0.1" }]) {
    const served = await runProgram(context.options.program, ["serve", "--listen", "127.0.0.1:0", "--data", data], { env });
    const checked = await runProgram(context.options.program, ["config", "check", "--data", data], { env });
    assert.deepEqual(checked, served);
    assert.equal(checked.code, 1);
    assert.match(checked.stderr, /^watchbell: redis_url: .*Redis/);
    assert.match(await fails(context, keyCreate(data, SEND), { env }), /redis_url/);
  }
});

test("config_show_says_what_holds_and_whence_and_hides_secrets", async (context) => {
  const data = temporaryFolder(context);
  const file = join(dirname(data), "settings.toml");
  writeFileSync(file, 'listen = "127.0.0.1:3999"\nlog_level = "warn"\n');
  const key = randomBytes(32).toString("hex");
  const env = { WATCHBELL_MASTER_KEY: key, WATCHBELL_SETUP_TOKEN: "open-sesame", WATCHBELL_LOG_LEVEL: "debug", WATCHBELL_DATABASE_URL: "postgresql://bell:hunter2@127.0.0.1/bell" };
  const text = await succeeds(context, ["config", "show", "--config", file, "--data", data], { env });
  assert.match(text, /^listen = "127\.0\.0\.1:3999" .*file/m);
  assert.match(text, /^log_level = "debug" .*environment/m);
  assert.match(text, new RegExp(`^data = "${data}" .*argument`, "m"));
  assert.match(text, /^log_format = "text" .*built-in/m);
  assert.match(text, /127\.0\.0\.1\/bell/);
  for (const secret of [key, "open-sesame", "hunter2"]) assert.ok(!text.includes(secret), secret);
});

test("admin_create_makes_the_first_administrator_without_a_server", async (context) => {
  const program = new Program(context);
  assert.match(await succeeds(context, adminCreate(program.data), { input: `${ADMIN.password}\n` }), /^administrator [0-9a-f-]{36}\n$/);
  await program.start();
  const api = await new Api(program).signIn();
  assert.equal((await api.call("auth", "getOnboardingStatus")).needsOnboarding, false);
  assert.ok((await api.call("auth", "accessRules")).accessRules.includes("*"));
  await assert.rejects(api.call("auth", "completeOnboarding", { ...ADMIN, email: "eve@example.com" }), (error) => error instanceof Refusal && error.status === 403);
});

test("admin_create_asks_a_running_server", async (context) => {
  const program = await new Program(context).start();
  const api = new Api(program);
  assert.equal((await api.call("auth", "getOnboardingStatus")).needsOnboarding, true);
  await succeeds(context, adminCreate(program.data), { input: `${ADMIN.password}\n` });
  assert.equal((await api.call("auth", "getOnboardingStatus")).needsOnboarding, false);
  await api.signIn();
  assert.match(await fails(context, adminCreate(program.data), { input: `${ADMIN.password}\n` }), /ada@example\.com|already|taken/i);
  assert.match(await fails(context, adminCreate(program.data, "eve@example.com"), { input: "short\n" }), /password/i);
  assert.match(await fails(context, adminCreate(program.data, "no mail address"), { input: `${ADMIN.password}\n` }), /mail address/);
  const blank = ["admin", "create", "--data", program.data, "--email", "eve@example.com", "--name", " "];
  assert.match(await fails(context, blank, { input: `${ADMIN.password}\n` }), /name/);
  assert.equal((await api.call("auth", "getCurrentUserProfile")).email, ADMIN.email);
});

test("admin_create_takes_a_password_with_the_line_end_of_windows", async (context) => {
  const program = new Program(context);
  await succeeds(context, adminCreate(program.data), { input: `${ADMIN.password}\r\n` });
  await program.start();
  await new Api(program).signIn();
});

test("admin_create_shows_no_password_on_a_terminal", async (context) => {
  const program = await new Program(context).start();
  const words = [context.options.program, ...adminCreate(program.data)].map((word) => `'${word}'`).join(" ");
  // The shell tells how it finds the terminal afterwards.
  const terminal = spawn("script", ["-qec", `${words}; stty -a`, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  context.after(async () => terminal.kill());
  const ended = once(terminal, "close");
  let shown = "";
  terminal.stdout.on("data", (text) => (shown += text));
  await until("the password to be asked for", () => shown.includes("password: "));
  terminal.stdin.write(`${ADMIN.password}\n`);
  await until("the command to end", () => / echo /.test(shown) || / -echo /.test(shown));
  terminal.stdin.end();
  await inTime("the terminal to close", ended);
  assert.ok(!shown.includes(ADMIN.password), shown);
  assert.match(shown, /administrator [0-9a-f-]{36}/);
  assert.match(shown, / echo /);
  await new Api(program).signIn();
});

for (const running of [false, true]) {
  test(`apikey_list_rotate_and_revoke_${running ? "with" : "without"}_a_server`, async (context) => {
    const program = await new Program(context).start();
    await new Api(program).onboard();
    const key = (...words) => ["apikey", ...words, "--data", program.data];
    const at = async (work) => {
      if (!running) await program.stop();
      const done = await work();
      if (!running) await program.start();
      return done;
    };
    const status = (bearer) => new Api(program, { bearer }).call("catalog", "getSystems").then(() => 200, (error) => error.status);
    const create = ["create", "--name", "robot", "--rule", "catalog.system.read", "--rule", SEND, "--expires-days", "30"];

    const first = (await at(() => succeeds(context, key(...create)))).trim();
    const id = first.slice(3, 39);
    assert.equal(await status(first), 200);
    const second = (await at(() => succeeds(context, key("rotate", id, "--keep-hours", "1")))).trim();
    assert.equal(second.slice(3, 39), id);
    assert.deepEqual([await status(first), await status(second)], [200, 200]);
    const third = (await at(() => succeeds(context, key("rotate", id)))).trim();
    assert.deepEqual([await status(first), await status(second), await status(third)], [401, 401, 200]);

    const rows = async () => (await at(() => succeeds(context, key("list")))).trimEnd().split("\n").map((line) => line.split("\t"));
    const live = await rows();
    assert.deepEqual(live[0], ["id", "name", "rules", "created", "last used", "expires", "revoked"]);
    assert.equal(live.length, 2);
    const [listed, name, rules, created, used, expires, revoked] = live[1];
    assert.deepEqual([listed, name, rules, revoked], [id, "robot", `catalog.system.read,${SEND}`, "-"]);
    assert.notEqual(used, "-");
    assert.equal(Date.parse(expires) - Date.parse(created), 30 * 24 * 3600 * 1000);

    assert.equal(await at(() => succeeds(context, key("revoke", id))), `revoked ${id}\n`);
    assert.equal(await status(third), 401);
    assert.notEqual((await rows())[1][6], "-");
    await at(async () => {
      await succeeds(context, key("revoke", id)); // once more changes nothing
      assert.match(await fails(context, key("rotate", id)), /revoked/);
      const nobody = "0190a000-0000-7000-8000-000000000000";
      for (const command of ["revoke", "rotate"]) {
        assert.match(await fails(context, key(command, nobody)), new RegExp(`no API key ${nobody}`));
        assert.match(await fails(context, key(command, "robot")), /robot.*apikey list/);
      }
    });
  });
}

for (const running of [false, true]) {
  test(`apikey_create_makes_keys_that_hold_exactly_their_rules_${running ? "with" : "without"}_a_server`, async (context) => {
    const program = await new Program(context).start();
    const api = await new Api(program).onboard();
    const { id } = await api.call("auth", "getCurrentUserProfile");
    if (!running) await program.stop();
    const sender = (await succeeds(context, keyCreate(program.data, SEND))).trim();
    const reader = (await succeeds(context, keyCreate(program.data, "catalog.system.read", "catalog.system.manage"))).trim();
    assert.notEqual(sender, reader);
    if (!running) await program.start();

    const notice = { userIds: [id], title: "Deployed", body: "Version 2 is out", importance: "info" };
    const as = (bearer) => new Api(program, { bearer });
    const refusedWith = (status) => (error) => error instanceof Refusal && error.status === status;
    assert.deepEqual(await as(sender).call("notification", "notifyUsers", notice), { notifiedCount: 1 });
    await assert.rejects(as(reader).call("notification", "notifyUsers", notice), refusedWith(403));
    // An administrator holds everything, this too.
    assert.deepEqual(await api.call("notification", "notifyUsers", notice), { notifiedCount: 1 });
    await assert.rejects(new Api(program).call("notification", "notifyUsers", notice), refusedWith(401));
    for (const wrong of [`${sender.slice(0, -2)}xx`, `${sender}x`, "ck_nonsense", ""]) await assert.rejects(as(wrong).call("notification", "notifyUsers", notice), refusedWith(401));

    await as(reader).call("catalog", "createSystem", { name: "Shop" });
    await assert.rejects(as(sender).call("catalog", "createSystem", { name: "Other" }), refusedWith(403));
    await assert.rejects(as(sender).call("auth", "getCurrentUserProfile"), refusedWith(403));
    const { notifications } = await api.inbox();
    assert.deepEqual(notifications.map(({ title }) => title), ["Deployed", "Deployed"]);
  });
}

test("apikey_create_refuses_rules_nobody_declares", async (context) => {
  const program = await new Program(context).start();
  const told = /catalog\.system\.reed.*nearest.*catalog\.system\.read/;
  assert.match(await fails(context, keyCreate(program.data, "catalog.system.reed")), told);
  await program.stop();
  assert.match(await fails(context, keyCreate(program.data, "catalog.system.reed")), told);
});

test("a_command_that_finds_no_folder_to_work_in_says_so", async (context) => {
  assert.match(await fails(context, adminCreate(join(temporaryFolder(context), "deeper")), { input: `${ADMIN.password}\n` }), /deeper/);
});

/** Whether somebody holds the lock of a folder; finds out without taking it. */
function isLocked(folder) {
  const { ino } = statSync(folder);
  return readFileSync("/proc/locks", "utf8").split("\n").some((line) => line.includes(" FLOCK ") && line.includes(`:${ino} `));
}

test("commands_without_a_server_wait_for_each_other", async (context) => {
  const data = temporaryFolder(context);
  const keys = await Promise.all(Array.from({ length: 8 }, () => succeeds(context, keyCreate(data, SEND))));
  assert.equal(new Set(keys).size, 8);
  for (const key of keys) assert.match(key, /^ck_[0-9a-f-]{36}_[A-Za-z0-9]{32}\n$/);
});

test("a_command_waits_for_a_server_that_is_just_starting", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { id } = await api.call("auth", "getCurrentUserProfile");
  await program.stop();
  const started = program.start();
  await until("the server to hold its folder", () => isLocked(program.data));
  const bearer = (await succeeds(context, keyCreate(program.data, SEND))).trim();
  await started;
  const notice = { userIds: [id], title: "Deployed", body: "Version 2 is out", importance: "info" };
  assert.deepEqual(await new Api(program, { bearer }).call("notification", "notifyUsers", notice), { notifiedCount: 1 });
});

test("a_command_outlives_a_server_that_stops_before_it_reads_the_request", async (context) => {
  const program = await new Program(context).start();
  await program.stop();
  // The folder is locked and its socket takes a connection, and both go away as they do when a server stops.
  const holder = spawn("flock", [program.data, "cat"], { stdio: ["pipe", "inherit", "inherit"] });
  const gone = once(holder, "close");
  context.after(async () => holder.kill());
  await until("the folder to be locked", () => isLocked(program.data));
  const socket = createServer({ pauseOnConnect: true }).listen(join(program.data, "admin.sock"));
  await once(socket, "listening");
  const asked = once(socket, "connection");
  const created = succeeds(context, keyCreate(program.data, SEND));
  const [connection] = await inTime("the command to ask", asked);
  connection.destroy();
  socket.close();
  holder.stdin.end();
  await gone;
  assert.match(await created, /^ck_/);
});

const adminReset = (data, email, ...more) => ["admin", "reset", "--data", data, "--email", email, ...more];

test("admin_reset_gives_another_password_with_and_without_a_server", async (context) => {
  const program = new Program(context);
  await succeeds(context, adminCreate(program.data), { input: `${ADMIN.password}\n` });
  assert.match(await succeeds(context, adminReset(program.data, ADMIN.email.toUpperCase()), { input: "Bell-2-rings\n" }), /^reset [0-9a-f-]{36}\n$/);
  await program.start();
  const api = new Api(program);
  await assert.rejects(api.signIn(), (error) => error instanceof Refusal && error.status === 401);
  await api.signIn({ email: ADMIN.email, password: "Bell-2-rings" });
  await succeeds(context, adminReset(program.data, ADMIN.email), { input: "Bell-3-rings\n" });
  // Revoked on the very next request.
  await assert.rejects(api.call("auth", "getCurrentUserProfile"), (error) => error instanceof Refusal && error.status === 401);
  await new Api(program).signIn({ email: ADMIN.email, password: "Bell-3-rings" });
  assert.match(await fails(context, adminReset(program.data, ADMIN.email), { input: "short\n" }), /password/i);
  assert.match(await fails(context, adminReset(program.data, "nobody@example.com"), { input: "Bell-4-rings\n" }), /no user nobody@example\.com/);
  assert.match(await fails(context, adminReset(program.data, "no mail address"), { input: "Bell-4-rings\n" }), /mail address/);
});

/** The code an authenticator app shows for the secret of a URI, so many steps from now. */
function codeOf(uri, away = 0) {
  const bits = [...new URL(uri).searchParams.get("secret")].map((digit) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(digit).toString(2).padStart(5, "0")).join("");
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + away));
  const digest = createHmac("sha1", secret).update(counter).digest();
  return String((digest.readUInt32BE(digest[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("admin_reset_drops_a_second_factor_when_told_so", async (context) => {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { totpURI } = await api.post("/api/auth/two-factor/enable", { password: ADMIN.password });
  await api.post("/api/auth/two-factor/verify-totp", { code: codeOf(totpURI) });
  const half = new Api(program);
  assert.deepEqual(await half.post("/api/auth/sign-in/email", { email: ADMIN.email, password: ADMIN.password }), { twoFactorRedirect: true });
  await half.post("/api/auth/two-factor/verify-totp", { code: codeOf(totpURI, 1) });
  assert.equal((await half.call("auth", "getCurrentUserProfile")).email, ADMIN.email);
  await succeeds(context, adminReset(program.data, ADMIN.email), { input: "Bell-2-rings\n" });
  assert.deepEqual(await new Api(program).post("/api/auth/sign-in/email", { email: ADMIN.email, password: "Bell-2-rings" }), { twoFactorRedirect: true });
  await succeeds(context, adminReset(program.data, ADMIN.email, "--drop-second-factor"), { input: "Bell-3-rings\n" });
  await new Api(program).signIn({ email: ADMIN.email, password: "Bell-3-rings" });
});

test("keys_reencrypt_seals_everything_under_the_present_key", async (context) => {
  const [before, after] = [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")];
  const reencrypt = (program) => ["keys", "reencrypt", "--data", program.data];
  const program = await new Program(context).start({ WATCHBELL_MASTER_KEY: before });
  const api = await new Api(program).onboard();
  await api.useWebhook("http://127.0.0.1:9/hook", "s3cret");
  await api.post("/api/auth/two-factor/enable", { password: ADMIN.password });
  assert.match(await succeeds(context, reencrypt(program)), /^settings: \d+ scanned, 0 sealed anew.*\nsecond factors: 1 scanned, 0 sealed anew, 1 as they were, 0 failed\nevents: /);
  await program.stop();
  // Without a server, then with one that has both keys: the second time nothing is left to do.
  const env = { WATCHBELL_MASTER_KEY: after, WATCHBELL_MASTER_KEY_PREVIOUS: before };
  assert.match(await succeeds(context, reencrypt(program), { env }), /^settings: \d+ scanned, [1-9]\d* sealed anew.*\nsecond factors: 1 scanned, 1 sealed anew, 0 as they were, 0 failed\nevents: /);
  assert.match(await succeeds(context, reencrypt(program), { env }), /^settings: \d+ scanned, 0 sealed anew.*\nsecond factors: 1 scanned, 0 sealed anew, 1 as they were, 0 failed\n/);
  // From now on the key of before is needed no more.
  await program.start({ WATCHBELL_MASTER_KEY: after });
  const again = await new Api(program).signIn();
  assert.match((await again.post("/api/auth/two-factor/get-totp-uri", { password: ADMIN.password })).totpURI, /^otpauth:/);
});
