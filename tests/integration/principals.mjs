// What a caller is answered never depends on who asked before.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ADMIN, Api, Refusal, WEBHOOK } from "../e2e/lib/api.mjs";
import { Program, runProgram } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { Target } from "../e2e/lib/target.mjs";
import { until } from "../e2e/lib/wait.mjs";

const EVE = { name: "Eve User", email: "eve@example.com", password: "Bell-2-rings" };

/** What these tell is about the cache itself, which is as it is because of who asked before. */
const OF_THE_CACHE = ["cache/getRuntimeStats", "cache/listEntries"];

/**
 * What to ask of the queries that want an input, once for each; those that want none need no line. One that is missing here fails the test.
 * @param world  ids of what setUp() made
 */
function examples(world) {
  const { plain, checked, configuration, notifications } = world;
  return {
    "auth/getAuditLog": [{}, { limit: 1 }],
    "auth/validateResetToken": [{ token: "of no reset" }],
    "auth/searchUsers": [{ query: "e" }, { query: "nobody of that name" }],
    "catalog/getSystem": [{ systemId: plain }, { systemId: checked }, { systemId: randomUUID() }],
    "catalog/getSystemContacts": [{ systemId: plain }, { systemId: randomUUID() }],
    "command/search": [{ query: "" }, { query: "plain" }],
    "healthcheck/getCollectors": [{ strategyId: "healthcheck-http.http" }],
    "healthcheck/getSystemAssociations": [{ systemId: plain }, { systemId: checked }],
    "healthcheck/getSystemHealthStatus": [{ systemId: plain }, { systemId: checked }],
    "healthcheck/getBulkSystemHealthStatus": [{ systemIds: [plain, checked] }, { systemIds: [checked] }],
    "healthcheck/getHistory": [{ sortOrder: "asc" }, { systemId: checked, configurationId: configuration, sortOrder: "desc", limit: 1 }],
    "notification/getDeadLetters": [{}, { limit: 1 }],
    "notification/getDeliveryAttempts": [{}, { limit: 1 }],
    "notification/getNotificationDeliveries": [{ notificationIds: notifications }, { notificationIds: [randomUUID()] }],
    "notification/getNotifications": [{}, { limit: 1 }, { unreadOnly: true }],
  };
}

async function command(context, args, input) {
  const { code, stdout, stderr } = await runProgram(context.options.program, args, { input });
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** The queries of the contract, as "area/procedure": of everything in it, what may be asked with GET. */
async function queries(context, program) {
  const names = [];
  let area;
  for (const line of (await command(context, ["contract", "typescript"])).split("\n")) {
    area = /^ {2}(\w+): \{$/.exec(line)?.[1] ?? area;
    const procedure = /^ {4}(\w+): Procedure</.exec(line)?.[1];
    if (procedure !== undefined) names.push(`${area}/${procedure}`);
  }
  const found = [];
  for (const name of names) {
    // Refused before anything of it is run, with what would be allowed.
    const response = await fetch(`${program.base}/api/${name}`, { method: "PROPFIND" });
    assert.equal(response.status, 405, name);
    if (response.headers.get("allow").includes("GET") && !OF_THE_CACHE.includes(name)) found.push(name);
  }
  assert.ok(names.length > found.length && found.length > 0, names.join(" "));
  return found;
}

/** Two people with different rights, an application and a visitor; what each has of his own, and a check that has run once and runs no more. */
async function setUp(context, program) {
  const ada = await new Api(program).onboard();
  await command(context, ["admin", "create", "--data", program.data, "--email", EVE.email, "--name", EVE.name], `${EVE.password}\n`);
  const rules = ["healthcheck.healthcheck.read", "notification.notification.send"];
  const bearer = await command(context, ["apikey", "create", "--data", program.data, "--name", "robot", ...rules.flatMap((rule) => ["--rule", rule])]);
  // There is no procedure yet that makes a user with fewer rights than an administrator.
  await program.stop();
  const demote = `delete from user_roles where role_id = 'admin' and user_id = (select id from users where email = '${EVE.email}'); select changes();`;
  const { code, stdout, stderr } = await runProgram("sqlite3", [join(program.data, "watchbell.db"), demote]);
  assert.deepEqual([code, stdout], [0, "1\n"], stderr);
  await program.start();
  const eve = await new Api(program).signIn(EVE);
  const robot = new Api(program, { bearer });

  // Its check finds it broken; what is posted to it arrives, and so is not tried again while answers are compared.
  const target = await new Target(context, (request, response) => response.writeHead(request.method === "POST" ? 204 : 503).end()).up();
  const plain = await ada.call("catalog", "createSystem", { name: "Plain" });
  const followed = await ada.call("catalog", "createSystem", { name: "Followed" });
  const checked = await ada.watch("Checked", target.url, { tellMe: false, intervalSeconds: 86_400 });
  const runs = () => ada.call("healthcheck", "getHistory", { sortOrder: "asc" });
  const { runs: [{ configurationId: configuration }] } = await until("a run of the check", async () => ((await runs()).total > 0 ? runs() : undefined));

  for (const [person, system, secret] of [[ada, plain, "0123456789abcdef"], [eve, followed, "fedcba9876543210"]]) {
    await person.call("notification", "subscribe", { groupId: `catalog.system.${system.id}` });
    await person.useWebhook(`${target.url}${secret}`, secret);
  }
  const idOf = async (person) => (await person.call("auth", "getCurrentUserProfile")).id;
  const notify = async (person, title) => robot.call("notification", "notifyUsers", { userIds: [await idOf(person)], title, body: "For nobody else" });
  for (const title of ["One of Ada", "Two of Ada", "Three of Ada"]) await notify(ada, title);
  await notify(eve, "One of Eve");
  await until("the last delivery", async () => (await ada.call("notification", "getDeliveryAttempts", { limit: 1 })).total === 4);
  await ada.call("notification", "markAsRead", { notificationId: (await ada.inbox()).notifications[0].id });
  const notifications = (await ada.inbox()).notifications.map(({ id }) => id);
  return { notifications, principals: { ada, eve, robot, visitor: new Api(program) }, plain: plain.id, checked: checked.id, configuration };
}

/** An answer, or a refusal, whole; but for when a status was judged and when a key was last used, which are moments of asking. */
async function ask(principal, { name, input }) {
  const answer = await principal.post(`/api/${name}`, input === undefined ? {} : { json: input }).then(
    (body) => ({ status: 200, body }),
    (error) => {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: error.body };
    },
  );
  return JSON.parse(JSON.stringify(answer, (key, value) => (["evaluatedAt", "lastUsedAt"].includes(key) ? "then" : value)));
}

test("C_21_an_answer_from_the_cache_is_what_the_same_caller_gets_from_a_cold_one", async (context) => {
  const program = await new Program(context).start();
  const world = await setUp(context, program);
  const inputs = examples(world);
  const names = await queries(context, program);
  for (const name of Object.keys(inputs)) assert.ok(names.includes(name), `there is an example for ${name}, which is no query`);
  const questions = names.flatMap((name) => (inputs[name] ?? [undefined]).map((input) => ({ name, input })));
  const everybody = Object.entries(world.principals);
  const restart = async () => {
    await program.stop();
    await program.start();
  };

  // Alone with a server that has just started.
  const expected = new Map(questions.map((question) => [question, {}]));
  for (const [who, principal] of everybody) {
    await restart();
    for (const question of questions) expected.get(question)[who] = await ask(principal, question);
  }
  for (const [question, answers] of expected) {
    const served = Object.values(answers).some(({ status }) => status === 200);
    assert.ok(served, `${question.name}: nobody got an answer; give it an input in examples(): ${JSON.stringify(answers)}`);
  }
  // Else there is nothing that could be confused.
  const differs = (name, one, other) => {
    const answers = expected.get(questions.find((question) => question.name === name));
    assert.notDeepEqual(answers[one], answers[other], name);
  };
  const own = ["getNotifications", "getUnreadCount", "getSubscriptions", "getUserDeliveryChannels", "getNotificationDeliveries"].map((name) => `notification/${name}`);
  for (const name of ["auth/accessRules", "auth/getCurrentUserProfile", ...own]) differs(name, "ada", "eve");
  differs("healthcheck/getConfigurations", "robot", "eve");
  differs("healthcheck/getHistory", "ada", "visitor");

  const compare = async (how, question, [who, principal]) => {
    const told = `${question.name} ${JSON.stringify(question.input)} asked by ${who}, ${how}`;
    const answer = await ask(principal, question);
    assert.ok(isDeepStrictEqual(answer, expected.get(question)[who]), `${told}: ${JSON.stringify(answer)}, alone ${JSON.stringify(expected.get(question)[who])}`);
  };
  for (const [order, callers] of [["forwards", everybody], ["backwards", [...everybody].reverse()]]) {
    await restart();
    // The first to be answered fills the cache for those behind him; in the second round all find it warm.
    for (const round of ["filling", "warm"]) {
      for (const question of questions) for (const caller of callers) await compare(`${order}, ${round}`, question, caller);
    }
  }
  // Loads that are under way are shared too.
  await restart();
  for (const question of questions) await Promise.all(everybody.map((caller) => compare("all at once", question, caller)));
});
