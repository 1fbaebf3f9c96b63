// Procedures as plain HTTP, the document that describes them, and reads that are not sent twice.
import assert from "node:assert/strict";
import { Api } from "../e2e/lib/api.mjs";
import { Program, runProgram } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";

async function serving(context) {
  const program = await new Program(context).start();
  return { program, api: await new Api(program).onboard() };
}

/** One call over HTTP as `api`'s person, or as nobody: `{status, headers, text, json}`. */
async function ask({ program, api }, path, { method = "GET", body, headers = {} } = {}) {
  const sent = { ...(api === undefined ? {} : { cookie: api.cookie }), ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers };
  const response = await fetch(program.base + path, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: text === "" ? undefined : JSON.parse(text) };
}

async function documentOf(context) {
  const printed = await runProgram(context.options.program, ["contract", "openapi"]);
  assert.equal(printed.code, 0, printed.stderr);
  return JSON.parse(printed.stdout);
}

const operationsOf = (document) => Object.entries(document.paths).flatMap(([path, verbs]) => Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation })));

test("rest_takes_and_answers_plain_values", async (context) => {
  const scene = await serving(context);
  const made = await ask(scene, "/rest/catalog/createSystem", { method: "POST", body: { name: "A", description: "d" } });
  assert.equal(made.status, 200, made.text);
  assert.equal(made.json.name, "A");
  assert.match(made.json.createdAt, /^\d{4}-\d\d-\d\dT/);
  const found = await ask(scene, `/rest/catalog/getSystem?systemId=${made.json.id}`);
  assert.deepEqual(found.json, made.json);
  const changed = await ask(scene, "/rest/catalog/updateSystem", { method: "PATCH", body: { id: made.json.id, data: { description: null } } });
  assert.equal(changed.json.description, null);
  assert.deepEqual((await ask(scene, "/rest/notification/getUnreadCount/")).json, { count: 0 });
  assert.deepEqual((await ask(scene, "/rest/notification/getNotifications?limit=5&unreadOnly=on")).json.notifications, []);
  const gone = await ask(scene, "/rest/notification/markAsRead", { method: "POST", body: {} });
  assert.deepEqual([gone.status, gone.text, gone.headers.get("content-type")], [200, "", null]);
  const removed = await ask(scene, "/rest/catalog/deleteSystem", { method: "DELETE", body: made.json.id });
  assert.deepEqual(removed.json, { success: true });
});

test("rest_refuses_in_the_shape_of_the_wire_or_as_problem_details", async (context) => {
  const scene = await serving(context);
  const nobody = { program: scene.program };
  const wrongVerb = await ask(scene, "/rest/catalog/createSystem", { method: "PUT", body: {} });
  assert.deepEqual([wrongVerb.status, wrongVerb.headers.get("allow")], [405, "POST"]);
  assert.equal((await ask(scene, "/rest/catalog/getSystems", { method: "HEAD" })).status, 200);
  for (const path of ["/rest/catalog/nope", "/rest/nope/nope", "/rest/", "/rest", "/rest/catalog", "/rest/catalog/getSystems/x"])
    assert.deepEqual([(await ask(scene, path)).status, (await ask(scene, path)).text], [404, '{"error":"Not Found"}'], path);

  const bad = await ask(scene, "/rest/notification/getNotifications?limit=0&offset=x");
  assert.equal(bad.status, 400);
  assert.deepEqual(Object.keys(bad.json), ["defined", "code", "status", "message", "data"]);
  assert.deepEqual(bad.json.data.issues.map(({ code, path }) => [code, path]), [["too_small", ["limit"]], ["invalid_type", ["offset"]]]);
  assert.deepEqual((await ask(nobody, "/rest/notification/getUnreadCount")).json, { defined: false, code: "UNAUTHORIZED", status: 401, message: "Authentication required" });
  const problem = await ask(nobody, "/rest/notification/getUnreadCount", { headers: { accept: "application/problem+json" } });
  assert.equal(problem.headers.get("content-type"), "application/problem+json");
  assert.deepEqual(problem.json, { type: "about:blank", title: "Unauthorized", status: 401, detail: "Authentication required", code: "UNAUTHORIZED" });

  // A page elsewhere can make a browser send our cookie along.
  const foreign = await ask(scene, "/rest/catalog/createSystem", { method: "POST", body: { name: "Theirs" }, headers: { origin: "https://evil.example" } });
  assert.deepEqual([foreign.status, foreign.json.code], [403, "FORBIDDEN"]);
  const form = await fetch(`${scene.program.base}/rest/catalog/createSystem`, { method: "POST", headers: { cookie: scene.api.cookie, "content-type": "application/x-www-form-urlencoded" }, body: "name=Theirs" });
  assert.equal(form.status, 415);
  assert.equal((await ask(scene, "/rest/catalog/createSystem", { method: "POST", body: { name: "x".repeat(2 ** 20) } })).status, 413);
  assert.deepEqual((await ask(scene, "/rest/catalog/getSystems")).json.systems, []);
});

test("a_cookie_does_nothing_for_another_sites_page_over_rest", async (context) => {
  const scene = await serving(context);
  const { base } = scene.program;
  const made = (await ask(scene, "/rest/catalog/createSystem", { method: "POST", body: { name: "Ours" } })).json;
  const elsewhere = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: `${base}.evil.example` },
    { origin: base.replace("http:", "https:") },
    { origin: "null", referer: `${base}/` },
    { referer: "https://evil.example/" },
  ];
  const writes = [
    ["POST", "createSystem", () => ({ name: "Theirs" })],
    ["PUT", "updateSystem", ({ id }) => ({ id, data: { name: "Theirs" } })],
    ["PATCH", "updateSystem", ({ id }) => ({ id, data: { name: "Changed" } })],
    ["DELETE", "deleteSystem", ({ id }) => id],
  ];
  const write = (who, [method, procedure, input], system, headers) => ask(who, `/rest/catalog/${procedure}`, { method, body: input(system), headers });
  for (const headers of elsewhere) {
    for (const one of writes) {
      const answer = await write(scene, one, made, headers);
      assert.deepEqual([answer.status, answer.json.code], [403, "FORBIDDEN"], `${one[0]} ${JSON.stringify(headers)}`);
    }
    assert.equal((await ask(scene, "/rest/catalog/getSystems", { headers })).status, 200, "reading changes nothing, and the page there is not shown it");
  }
  assert.deepEqual((await ask(scene, "/rest/catalog/getSystems")).json.systems, [made]);

  // No browser sends a key along by itself, so it may come from anywhere; beside a cookie it is the cookie that is judged.
  const key = await runProgram(context.options.program, ["apikey", "create", "--data", scene.program.data, "--name", "robot", "--rule", "catalog.system.manage"]);
  assert.equal(key.code, 0, key.stderr);
  const authorization = `Bearer ${key.stdout.trim()}`;
  for (const headers of elsewhere) {
    const theirs = (await ask({ program: scene.program }, "/rest/catalog/createSystem", { method: "POST", body: { name: "By key" }, headers: { ...headers, authorization } })).json;
    const answers = [];
    for (const one of writes.slice(1)) answers.push((await write({ program: scene.program }, one, theirs, { ...headers, authorization })).status);
    assert.deepEqual(answers, [405, 200, 200], JSON.stringify(headers));
    for (const one of writes) assert.equal((await write(scene, one, made, { ...headers, authorization })).status, 403, `${one[0]} ${JSON.stringify(headers)}`);
  }

  // Our own pages, and programs that say nothing of where they are.
  for (const headers of [{ origin: base }, { referer: `${base}/systems` }, {}]) {
    const ours = (await ask(scene, "/rest/catalog/createSystem", { method: "POST", body: { name: "Again" }, headers })).json;
    const answers = [];
    for (const one of writes.slice(1)) answers.push((await write(scene, one, ours, headers)).status);
    assert.deepEqual(answers, [405, 200, 200], JSON.stringify(headers));
  }
  assert.deepEqual((await ask(scene, "/rest/catalog/getSystems")).json.systems, [made]);
});

test("cached_reads_are_not_sent_twice", async (context) => {
  const scene = await serving(context);
  for (const path of ["/api/catalog/getSystems", "/rest/catalog/getSystems"]) {
    const first = await ask(scene, path);
    const tag = first.headers.get("etag");
    assert.match(tag, /^"[0-9a-f]{32}"$/);
    assert.match(first.headers.get("vary"), /Cookie, Authorization/);
    for (const method of ["GET", "HEAD"]) {
      const again = await ask(scene, path, { method, headers: { "if-none-match": `"x", W/${tag}` } });
      assert.deepEqual([again.status, again.text, again.headers.get("etag")], [304, "", tag]);
      assert.equal(again.headers.get("cache-control"), "private, no-cache");
    }
    assert.equal((await ask({ program: scene.program }, path, { headers: { "if-none-match": tag } })).status, 304, "the same bytes, whoever asks");
    await scene.api.call("catalog", "createSystem", { name: `Made after ${path}` });
    const changed = await ask(scene, path, { headers: { "if-none-match": tag } });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.get("etag"), tag);
  }
  const posted = await ask(scene, "/api/catalog/getSystems", { method: "POST", body: {}, headers: { "if-none-match": "*" } });
  assert.deepEqual([posted.status, posted.headers.get("etag")], [200, null]);
});

test("the_document_is_whole", async (context) => {
  const document = await documentOf(context);
  assert.equal(document.openapi, "3.1.1");
  const resolve = (pointer) => pointer.slice(2).split("/").reduce((at, step) => at?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], document);
  const walk = (value, path) => {
    if (value === null || typeof value !== "object") return;
    if (typeof value.$ref === "string") assert.notEqual(resolve(value.$ref), undefined, `${path} refers to ${value.$ref}`);
    for (const [name, each] of Object.entries(value)) walk(each, `${path}/${name}`);
  };
  walk(document, "");

  const operations = operationsOf(document);
  assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length);
  for (const { path, verb, operation } of operations) {
    assert.equal(`/rest/${operation.operationId.replace(".", "/")}`, path);
    for (const name of ["200", "default"]) assert.ok(operation.responses[name], `${path} ${name}`);
    assert.equal("requestBody" in operation && verb === "get", false, path);
    for (const way of operation.security) for (const name of Object.keys(way)) assert.ok(document.components.securitySchemes[name], `${path} ${name}`);
    assert.match(operation["x-orpc-meta"].userType, /^(anonymous|public|authenticated|user|service)$/);
  }

  // The same procedures as the types of the web app are written from.
  const types = await runProgram(context.options.program, ["contract", "typescript"]);
  const named = [...types.stdout.matchAll(/^ {2}(?: {2}(\w+): Procedure<|(\w+): \{)/gm)];
  let area = "";
  const procedures = named.flatMap(([, procedure, begun]) => {
    if (begun !== undefined) area = begun;
    return begun === undefined ? [`${area}.${procedure}`] : [];
  });
  assert.deepEqual(operations.map(({ operation }) => operation.operationId).sort(), procedures.sort());
});

test("the_document_is_for_those_who_may_read_it", async (context) => {
  const scene = await serving(context);
  const path = "/api/openapi.json";
  const nobody = await ask({ program: scene.program }, path);
  assert.deepEqual([nobody.status, nobody.text], [401, '{"error":"Unauthorized"}']);
  const all = await ask(scene, path);
  assert.equal(all.status, 200);
  assert.deepEqual(all.json.servers, [{ url: scene.program.base }]);
  assert.deepEqual(Object.keys(all.json.paths), Object.keys((await documentOf(context)).paths));

  const keyWith = async (rule) => {
    const made = await runProgram(context.options.program, ["apikey", "create", "--data", scene.program.data, "--name", rule, "--rule", rule]);
    assert.equal(made.code, 0, made.stderr);
    return { authorization: `Bearer ${made.stdout.trim()}` };
  };
  const reader = await keyWith("core.api-docs.read");
  assert.equal((await ask({ program: scene.program }, path, { headers: reader })).status, 200);
  const other = await ask({ program: scene.program }, path, { headers: await keyWith("catalog.system.read") });
  assert.deepEqual([other.status, other.text], [403, '{"error":"Forbidden"}']);
  const forged = await ask({ program: scene.program }, path, { headers: { authorization: "Bearer ck_nothing" } });
  assert.equal(forged.status, 401);

  // What the application may call, and nothing else.
  const own = await ask({ program: scene.program }, `${path}?scope=me`, { headers: reader });
  const ids = operationsOf(own.json).map(({ operation }) => operation.operationId);
  assert.ok(ids.includes("catalog.getSystems"), "everybody may");
  assert.ok(!ids.includes("healthcheck.createConfiguration"), "needs a rule it does not hold");
  assert.ok(!ids.includes("notification.getUnreadCount"), "for people");

  assert.deepEqual((await ask({ program: scene.program }, "/api/plugins")).json, []);
  assert.equal((await ask({ program: scene.program }, "/api/about")).status, 401);
  const about = (await ask(scene, "/api/about")).json;
  assert.match(about.coreVersion, /^\d+\.\d+/);
  assert.ok(about.plugins.some(({ name, type }) => name === "catalog" && type === "backend"));
});

test("what_is_absent_by_decision_is_not_found", async (context) => {
  const scene = await serving(context);
  const paths = [
    "/.well-known/jwks.json",
    "/.well-known/checkstack/authorize-domain?domain=x",
    "/api/auth/getMcpOAuthSettings",
    "/api/auth/setMcpOAuthSettings",
    "/api/auth/.well-known/oauth-authorization-server",
    "/api/mcp",
    "/api/mcp/messages",
    "/api/catalog/__batch__",
    "/api/catalog/getSystems/__batch__",
    "/rest/catalog/getSystems/__batch__",
    "/api/pluginmanager/upload-tarball",
    "/api/pluginmanager/install",
    "/api/ws/anything",
    "/api/catalog/subscribe",
  ];
  for (const path of paths) {
    for (const method of ["GET", "POST"]) {
      const answer = await ask(scene, path, { method, body: method === "POST" ? [] : undefined, headers: { accept: "text/event-stream, */*", "x-orpc-batch": "buffered" } });
      assert.deepEqual([answer.status, answer.text], [404, '{"error":"Not Found"}'], `${method} ${path}`);
    }
  }
  // Files do not exist: a form that would carry one is refused before it is read.
  const form = new FormData();
  form.set("data", '{"json":{},"meta":[],"maps":[["file"]]}');
  form.set("0", new Blob(["x"]));
  for (const way of ["api", "rest"]) {
    const sent = await fetch(`${scene.program.base}/${way}/catalog/createSystem`, { method: "POST", headers: { cookie: scene.api.cookie }, body: form });
    assert.equal(sent.status, 415, way);
  }
  await scene.api.call("catalog", "getSystems");
});
