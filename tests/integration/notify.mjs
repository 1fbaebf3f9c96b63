// `watchbell notify`, as scripts use it: what it sends, and what its exit code says.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { Api } from "../e2e/lib/api.mjs";
import { Program, runProgram, temporaryFolder } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";

const SEND = "notification.notification.send";
const ACCEPTED = 0;
const WRONG_USE = 2;
const REFUSED = 3;
const NOT_NOW = 4;

async function setUp(context, { rule = SEND } = {}) {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { id } = await api.call("auth", "getCurrentUserProfile");
  const made = await runProgram(program.program, ["apikey", "create", "--data", program.data, "--name", "script", "--rule", rule]);
  assert.equal(made.code, 0, made.stderr);
  const key = made.stdout.trim();
  const send = (args, more = {}) => runProgram(program.program, ["notify", "--server", program.base, ...args], { env: { WATCHBELL_API_KEY: key }, ...more });
  const titles = async () => (await api.inbox()).notifications.map(({ title }) => title);
  return { program, api, id, key, send, titles };
}

/** A refusal is one sentence on standard error. */
function fails(run, code, pattern) {
  assert.deepEqual([run.code, run.stdout], [code, ""], run.stderr);
  assert.match(run.stderr, /^watchbell: [^\n]+\n$/);
  assert.match(run.stderr, pattern);
}

test("notify_tells_users_and_says_how_many", async (context) => {
  const { api, id, send } = await setUp(context);
  const args = ["--user", id, "--user", id, "--title", "Backup done", "--importance", "warning", "--action-label", "Log", "--action-url", "/log"];
  assert.deepEqual(await send([...args, "--body", "**42** files"]), { code: ACCEPTED, signal: null, stdout: "1 told\n", stderr: "" });
  const [row] = (await api.inbox()).notifications;
  assert.deepEqual([row.title, row.body, row.importance, row.action], ["Backup done", "**42** files", "warning", { label: "Log", url: "/log" }]);
});

test("notify_reads_the_body_from_standard_input_and_the_key_from_a_file", async (context) => {
  const { program, api, id, key, send } = await setUp(context);
  const file = join(dirname(program.data), "key");
  writeFileSync(file, `${key}\n`);
  const told = await send(["--user", id, "--title", "Log", "--body", "-", "--key-file", file], { env: {}, input: "line one\nline two ✓\n\n" });
  assert.deepEqual([told.code, told.stdout, told.stderr], [ACCEPTED, "1 told\n", ""]);
  assert.equal((await api.inbox()).notifications[0].body, "line one\nline two ✓");
  fails(await send(["--user", id, "--title", "Log", "--body", "-"], { input: "x".repeat(2 ** 20 + 1) }), WRONG_USE, /standard input/);
});

test("notify_tells_the_followers_of_groups", async (context) => {
  const { api, send, titles } = await setUp(context);
  const system = await api.call("catalog", "createSystem", { name: "Web" });
  const group = `catalog.system.${system.id}`;
  // Accepted, but whoever wrote the script wants to know.
  for (const unheard of [group, "catalog.system.nowhere"]) {
    const run = await send(["--group", unheard, "--title", "Deployed", "--body", ""]);
    assert.deepEqual([run.code, run.stdout], [ACCEPTED, "0 told\n"]);
    assert.match(run.stderr, /^watchbell: accepted, but nobody is told[^\n]*\n$/);
  }
  await api.call("notification", "subscribe", { groupId: group });
  assert.equal((await send(["--group", "catalog.system.nowhere", "--group", group, "--title", "Deployed again", "--body", ""])).stdout, "1 told\n");
  assert.deepEqual(await titles(), ["Deployed again"]);
});

test("N_5_notify_sends_once_under_one_idempotency_key", async (context) => {
  const { id, send, titles } = await setUp(context);
  const args = ["--user", id, "--title", "Once", "--idempotency-key", "job-7"];
  for (let i = 0; i < 2; ++i) assert.equal((await send([...args, "--body", "x"])).stdout, "1 told\n");
  assert.deepEqual(await titles(), ["Once"]);
  fails(await send([...args, "--body", "another"]), REFUSED, /409.*idempotency/);
  assert.deepEqual(await titles(), ["Once"]);
});

test("notify_says_what_it_is_about_and_what_it_belongs_to", async (context) => {
  const { api, id, send } = await setUp(context);
  const args = ["--user", id, "--title", "T", "--body", "x"];
  const about = ["--subject", "ci.build", "42", "Build of main", "--subject", "ci.branch", "main", "main", "--collapse-key", "ci.build.42"];
  assert.equal((await send([...args, ...about])).code, ACCEPTED);
  const [row] = (await api.inbox()).notifications;
  const subjects = [{ kind: "ci.build", id: "42", name: "Build of main" }, { kind: "ci.branch", id: "main", name: "main" }];
  assert.deepEqual([row.subjects, row.collapseKey], [subjects, "ci.build.42"]);
  fails(await send([...args, "--subject", "build", "42", "Build"]), REFUSED, /400.*kind/);
  fails(await send([...args, "--collapse-key", "x".repeat(201)]), REFUSED, /400.*collapseKey/);
  assert.equal((await send([...args, "--subject", "ci.build", "42"])).code, WRONG_USE);
  assert.equal((await api.inbox()).total, 1);
});

test("notify_says_why_a_server_refuses", async (context) => {
  const { program, api, id, key, send, titles } = await setUp(context);
  const args = ["--user", id, "--title", "T"];
  fails(await send([...args, "--body", "x".repeat(10_001)]), REFUSED, /400.*body/);
  fails(await send(["--user", id, "--title", "T".repeat(201), "--body", "x"]), REFUSED, /400.*title/);
  fails(await send([...args, "--body", "x", "--action-label", "L", "--action-url", "javascript:alert(1)"]), REFUSED, /400.*action/);
  const wrong = `${key.slice(0, -1)}${key.endsWith("x") ? "y" : "x"}`;
  const refused = await send([...args, "--body", "x"], { env: { WATCHBELL_API_KEY: wrong } });
  fails(refused, REFUSED, /401/);
  assert.ok(!refused.stderr.includes(wrong));
  const other = await runProgram(program.program, ["apikey", "create", "--data", program.data, "--name", "reader", "--rule", "catalog.system.read"]);
  fails(await send([...args, "--body", "x"], { env: { WATCHBELL_API_KEY: other.stdout.trim() } }), REFUSED, /403/);
  assert.deepEqual(await titles(), []);
  assert.equal((await api.inbox()).total, 0);
});

test("notify_takes_no_key_from_its_arguments", async (context) => {
  const { id, key, send, titles } = await setUp(context);
  const args = ["--user", id, "--title", "T", "--body", "x"];
  for (const given of [["--key", key], [`--key=${key}`], ["--api-key", key], ["--token", "anything"], [key], ["--key-file", key], [`--nonsense=${key}`]]) {
    const run = await send([...args, ...given], { env: {} });
    fails(run, WRONG_USE, /WATCHBELL_API_KEY.*--key-file/);
    assert.ok(!run.stderr.includes(key), given[0]);
  }
  assert.ok(!(await send(["--help"])).stdout.includes("--token"));
  assert.deepEqual(await titles(), []);
});

test("notify_tells_wrong_use_apart", async (context) => {
  const program = context.options.program;
  const folder = temporaryFolder(context);
  const env = { WATCHBELL_API_KEY: "ck_x" };
  const notify = (args, more) => runProgram(program, ["notify", ...args], { env, ...more });
  const whole = ["--user", "u", "--title", "T", "--body", "x"];
  for (const args of [[], ["--user", "u", "--title", "T"], [...whole, "--importance", "loud"], [...whole, "--timeout", "0"], [...whole, "--nonsense"], [...whole, "word"]]) {
    const run = await notify(args);
    assert.deepEqual([run.code, run.stdout], [WRONG_USE, ""], args.join(" "));
    assert.notEqual(run.stderr, "");
  }
  fails(await notify(["--title", "T", "--body", "x"]), WRONG_USE, /--user or --group/);
  fails(await notify([...whole, "--group", "g"]), WRONG_USE, /--user or --group/);
  fails(await notify([...whole, "--action-label", "L"]), WRONG_USE, /--action-url/);
  fails(await notify(whole, { env: {} }), WRONG_USE, /WATCHBELL_API_KEY/);
  fails(await notify(whole, { env: { WATCHBELL_API_KEY: " \n" } }), WRONG_USE, /WATCHBELL_API_KEY/);
  fails(await notify(whole, { env: { WATCHBELL_API_KEY: "two words" } }), WRONG_USE, /no API key/);
  fails(await notify([...whole, "--key-file", folder]), WRONG_USE, /key file/);
  fails(await notify([...whole, "--server", "nowhere"]), WRONG_USE, /--server/);
});

/** A server that answers every request with `answer(response)`. */
async function standIn(context, answer) {
  const server = createServer((request, response) => request.resume().on("end", () => answer(response)));
  context.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

test("notify_says_when_trying_again_may_help", async (context) => {
  const env = { WATCHBELL_API_KEY: "ck_x" };
  const notify = (server, ...more) => runProgram(context.options.program, ["notify", "--server", server, "--user", "u", "--title", "T", "--body", "x", ...more], { env });
  fails(await notify("http://127.0.0.1:1"), NOT_NOW, /not reached.*127\.0\.0\.1/);
  fails(await notify("http://no-such-host.invalid"), NOT_NOW, /not reached/);
  const busy = await standIn(context, (response) => response.writeHead(503).end('{"defined":false,"code":"SERVICE_UNAVAILABLE","status":503,"message":"starting"}'));
  fails(await notify(busy), NOT_NOW, /503.*starting/);
  const silent = await standIn(context, () => {});
  fails(await notify(silent, "--timeout", "1"), NOT_NOW, /no answer.*may have been sent/);
  fails(await notify(silent, "--timeout", "1", "--idempotency-key", "k"), NOT_NOW, /same key sends it once/);
  const cut = await standIn(context, (response) => response.destroy());
  fails(await notify(cut), NOT_NOW, /no answer/);
  // What answers there is something else.
  const page = await standIn(context, (response) => response.end("<!doctype html>"));
  fails(await notify(page), REFUSED, /address/);
  const elsewhere = await standIn(context, (response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end());
  fails(await notify(elsewhere), REFUSED, /302.*address/);
  const loud = await standIn(context, (response) => response.writeHead(400).end('{"code":"BAD_REQUEST","message":"\\u001b[2J\\nboo"}'));
  const run = await notify(loud);
  fails(run, REFUSED, /boo/);
  assert.ok(!run.stderr.includes("\u001b"));
});

test("a_server_does_not_mind_the_variable_of_notify", async (context) => {
  const checked = await runProgram(context.options.program, ["config", "check"], { env: { WATCHBELL_API_KEY: "ck_x" }, cwd: dirname(temporaryFolder(context)) });
  assert.equal(checked.code, 0, checked.stderr);
});
