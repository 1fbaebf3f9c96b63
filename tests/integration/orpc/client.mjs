// The official client against a server whose echo area shows every form a value, an error and a method can take.
import assert from "node:assert/strict";
import { createORPCClient, ORPCError } from "@orpc/client";
import { RPCLink } from "@orpc/client/fetch";
import { ADMIN, Api } from "../../e2e/lib/api.mjs";
import { Program, runProgram } from "../../e2e/lib/program.mjs";
import { test } from "../../e2e/lib/runner.mjs";

const EPOCH = new Date(0);

async function echoServer(context) {
  return new Program(context, { program: context.options.echo }).start();
}

function clientOf(server, { method = "POST", headers = {}, cookie } = {}) {
  return createORPCClient(
    new RPCLink({
      url: `${server.base}/api`,
      method: () => method,
      headers: () => (cookie === undefined ? headers : { ...headers, cookie }),
      fetch: (request, init) => fetch(request, { ...init, credentials: "include" }),
    }),
  );
}

async function refusalOf(call) {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof ORPCError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "the call was not refused" });
}

/** The bytes of an answer, as a client without a library sees them. */
async function bytes(server, path, { method = "POST", body, type = "application/json" } = {}) {
  const headers = body === undefined ? {} : { "content-type": type };
  const response = await fetch(`${server.base}/api/${path}`, { method, headers, body });
  return { status: response.status, type: response.headers.get("content-type"), allow: response.headers.get("allow"), text: await response.text() };
}

test("AUTHCHECK_01_calls_without_input_and_with_a_scalar", async (context) => {
  const { echo } = clientOf(await echoServer(context));
  assert.deepEqual(await echo.ping(), { ok: true });
  assert.equal(await echo.strIn("user-1"), "user-1");
  assert.equal(await echo.strIn("Grüße, 🔔"), "Grüße, 🔔");
  assert.equal(await echo.nothing(), undefined);
  assert.equal(await echo.nil(), null);
  assert.deepEqual(await echo.rootDate(), EPOCH);
  assert.deepEqual(await echo.holes(), [1, undefined, 3]);
});

test("AUTHCHECK_01_every_type_makes_the_round_trip", async (context) => {
  const { echo } = clientOf(await echoServer(context));
  const sent = { d: EPOCH, a: [undefined], s: new Set([1]), m: new Map([["a", 1n]]), u: undefined, nan: NaN, deep: { list: [new Map([[new Set([EPOCH]), -5n]])] } };
  const got = await echo.echo(sent);
  const { u, ...rest } = sent;
  assert.equal(u, undefined);
  assert.deepEqual(got, rest);
  assert.ok(!("u" in got));
  for (const scalar of [EPOCH, 5n, NaN, new Set(), new Map(), "text", 0.1, 1e21, -0.5, true, null, []]) assert.deepEqual(await echo.echo(scalar), scalar);
  assert.equal(await echo.echo(undefined), undefined);
  assert.equal((await echo.echo(new URL("https://a.example/x?y=1"))).href, "https://a.example/x?y=1");

  const typed = { d: new Date("2026-01-02T03:04:05.678Z"), s: new Set([3, 1]), m: new Map([["a", 12345678901234567890n]]) };
  assert.deepEqual(await echo.typed({ ...typed, u: undefined }), typed);
});

test("AUTHCHECK_01_every_type_is_read_from_an_answer", async (context) => {
  const { echo } = clientOf(await echoServer(context));
  const { url, re, inv, ...rest } = await echo.everything();
  assert.deepEqual(rest, {
    createdAt: new Date("2026-01-02T03:04:05.678Z"),
    list: [new Date("2026-01-01T00:00:00.000Z")],
    n: null,
    nan: NaN,
    inf: null,
    big: 12345678901234567890n,
    set: new Set([1, EPOCH]),
    map: new Map([
      ["k", EPOCH],
      ["u", undefined],
    ]),
  });
  assert.equal(url.href, "https://a.example/x?y=1");
  assert.equal(String(re), "/ab+c/gi");
  assert.ok(Number.isNaN(inv.getTime()));
});

test("AUTHCHECK_01_a_bad_input_comes_back_with_its_issues", async (context) => {
  const { echo } = clientOf(await echoServer(context));
  const error = await refusalOf(echo.validate({ name: "", email: "x" }));
  assert.equal(error.code, "BAD_REQUEST");
  assert.equal(error.status, 400);
  assert.equal(error.message, "Input validation failed");
  assert.equal(error.defined, false);
  assert.deepEqual(
    error.data.issues.map(({ code, path }) => [code, path]),
    [
      ["too_small", ["name"]],
      ["invalid_format", ["email"]],
    ],
  );
  assert.equal((await refusalOf(echo.validate())).data.issues[0].expected, "object");
});

test("AUTHCHECK_01_errors_arrive_with_code_status_and_data", async (context) => {
  const server = await echoServer(context);
  const { echo } = clientOf(server);
  const seen = async (call) => {
    const { code, status, message } = await refusalOf(call);
    return [code, status, message];
  };
  assert.deepEqual(await seen(echo.me()), ["UNAUTHORIZED", 401, "Authentication required"]);
  assert.deepEqual(await seen(echo.missing()), ["NOT_FOUND", 404, "Role x not found"]);
  assert.deepEqual(await seen(echo.clash()), ["CONFLICT", 409, "Conflict"]);
  assert.deepEqual(await seen(echo.fault()), ["INTERNAL_SERVER_ERROR", 500, "Internal server error"]);
  assert.deepEqual(await seen(echo.crash()), ["INTERNAL_SERVER_ERROR", 500, "Internal server error"]);

  const denied = await refusalOf(echo.denied());
  assert.deepEqual([denied.code, denied.status, denied.message], ["FORBIDDEN", 403, "m"]);
  assert.deepEqual(denied.data, { reason: "resource_scope_denied", when: EPOCH });

  // No such route is no error of the protocol: the client makes its own from the status.
  const lost = await refusalOf(echo.nowhere());
  assert.deepEqual([lost.code, lost.status], ["NOT_FOUND", 404]);
  const got = await refusalOf(clientOf(server, { method: "GET" }).echo.ping());
  assert.deepEqual([got.code, got.status], ["METHOD_NOT_SUPPORTED", 405]);
  // What went wrong inside is for the log, not for the caller.
  assert.match(server.stderr, /table secrets is broken/);
});

test("AUTHCHECK_01_rights_are_judged_before_the_input", async (context) => {
  const server = await echoServer(context);
  const key = await runProgram(context.options.program, ["apikey", "create", "--data", server.data, "--name", "reader", "--rule", "catalog.system.read"]);
  assert.equal(key.code, 0, key.stderr);
  const { echo } = clientOf(server, { headers: { authorization: `Bearer ${key.stdout.trim()}` } });
  const error = await refusalOf(echo.guarded({ name: 5 }));
  assert.deepEqual([error.code, error.status, error.message], ["FORBIDDEN", 403, "Missing access: echo.thing.read"]);
  assert.equal((await refusalOf(clientOf(server).echo.guarded({ name: 5 }))).code, "UNAUTHORIZED");
});

test("AUTHCHECK_01_queries_may_be_asked_with_get", async (context) => {
  const server = await echoServer(context);
  for (const method of ["GET", "POST"]) {
    const { cat, echo } = clientOf(server, { method });
    const input = { q: "a&b=c d+e%", d: new Date("2026-01-01T00:00:00.000Z") };
    assert.deepEqual(await cat.list(input), { got: input });
    assert.deepEqual(await echo.rootDate(), EPOCH);
  }
});

test("AUTHCHECK_01_a_session_cookie_identifies", async (context) => {
  const server = await echoServer(context);
  const api = await new Api(server).onboard();
  const me = await clientOf(server, { cookie: api.cookie }).echo.me();
  assert.equal(me.email, ADMIN.email);
  const own = clientOf(server, { cookie: api.cookie, headers: { origin: server.base } });
  assert.deepEqual(await own.echo.guarded({ name: "Ada", email: "ada@example.com" }), { name: "Ada", email: "ada@example.com" });
  const forged = api.cookie.slice(0, -4) + (api.cookie.endsWith("AAAA") ? "BBBB" : "AAAA");
  assert.equal((await refusalOf(clientOf(server, { cookie: forged }).echo.me())).code, "UNAUTHORIZED");
});

test("AUTHCHECK_01_the_bytes_are_those_clients_know", async (context) => {
  const server = await echoServer(context);
  const ok = (text) => ({ status: 200, type: "application/json", allow: null, text });
  const post = (path, body) => bytes(server, path, { body });

  assert.deepEqual(await post("echo/ping", "{}"), ok('{"json":{"ok":true}}'));
  assert.deepEqual(await post("echo/ping"), ok('{"json":{"ok":true}}'));
  assert.deepEqual(await post("echo/strIn", '{"json":"user-1"}'), ok('{"json":"user-1"}'));
  const all = '{"json":{"d":"1970-01-01T00:00:00.000Z","a":[null],"s":[1],"m":[["a","1"]],"nan":null},"meta":[[1,"d"],[3,"a",0],[6,"s"],[0,"m",0,1],[7,"m"],[2,"nan"]]}';
  assert.deepEqual(await post("echo/echo", all), ok(all));
  assert.deepEqual(
    await post("echo/everything", "{}"),
    ok(
      '{"json":{"createdAt":"2026-01-02T03:04:05.678Z","list":["2026-01-01T00:00:00.000Z"],"n":null,"nan":null,"inf":null,"big":"12345678901234567890","url":"https://a.example/x?y=1","re":"/ab+c/gi","set":[1,"1970-01-01T00:00:00.000Z"],"map":[["k","1970-01-01T00:00:00.000Z"],["u",null]],"inv":null},"meta":[[1,"createdAt"],[1,"list",0],[2,"nan"],[0,"big"],[4,"url"],[5,"re"],[1,"set",1],[6,"set"],[1,"map",0,1],[3,"map",1,1],[7,"map"],[1,"inv"]]}',
    ),
  );
  assert.deepEqual(await post("echo/rootDate", "{}"), ok('{"json":"1970-01-01T00:00:00.000Z","meta":[[1]]}'));
  assert.deepEqual(await post("echo/nothing", "{}"), ok("{}"));
  assert.deepEqual(await post("echo/nil", "{}"), ok('{"json":null}'));
  assert.deepEqual(await post("echo/holes", "{}"), ok('{"json":[1,null,3],"meta":[[3,1]]}'));
  const query = encodeURIComponent('{"json":{"q":"a","d":"2026-01-01T00:00:00.000Z"},"meta":[[1,"d"]]}');
  assert.deepEqual(await bytes(server, `cat/list?data=${query}`, { method: "GET" }), ok('{"json":{"got":{"q":"a","d":"2026-01-01T00:00:00.000Z"}},"meta":[[1,"got","d"]]}'));
  assert.deepEqual(await post("cat/list", '{"json":{"q":"a"}}'), ok('{"json":{"got":{"q":"a"}}}'));
});

test("AUTHCHECK_01_the_bytes_of_errors_are_those_clients_know", async (context) => {
  const server = await echoServer(context);
  const refused = (status, text, allow = null) => ({ status, type: "application/json", allow, text });
  const post = (path, body) => bytes(server, path, { body });
  const malformed =
    '{"json":{"defined":false,"code":"BAD_REQUEST","status":400,"message":"Malformed request. Ensure the request body is properly formatted and the \'Content-Type\' header is set correctly."}}';

  assert.deepEqual(await post("echo/ping", "not json"), refused(400, malformed));
  assert.deepEqual(await post("echo/echo", "null"), refused(400, malformed));
  const invalid = await post("echo/validate", '{"json":{"name":"","email":"x"}}');
  assert.deepEqual(
    { ...invalid, text: invalid.text.replace(/"pattern":"(?:[^"\\]|\\.)*",/, "") },
    refused(
      400,
      '{"json":{"defined":false,"code":"BAD_REQUEST","status":400,"message":"Input validation failed","data":{"issues":[{"origin":"string","code":"too_small","minimum":1,"inclusive":true,"path":["name"],"message":"Too small: expected string to have >=1 characters"},{"origin":"string","code":"invalid_format","format":"email","path":["email"],"message":"Invalid email address"}]}}}',
    ),
  );
  assert.deepEqual(
    await post("echo/validate", "{}"),
    refused(
      400,
      '{"json":{"defined":false,"code":"BAD_REQUEST","status":400,"message":"Input validation failed","data":{"issues":[{"expected":"object","code":"invalid_type","path":[],"message":"Invalid input: expected object, received undefined"}]}}}',
    ),
  );
  assert.deepEqual(await post("echo/me", "{}"), refused(401, '{"json":{"defined":false,"code":"UNAUTHORIZED","status":401,"message":"Authentication required"}}'));
  assert.deepEqual(
    await post("echo/denied", "{}"),
    refused(403, '{"json":{"defined":false,"code":"FORBIDDEN","status":403,"message":"m","data":{"reason":"resource_scope_denied","when":"1970-01-01T00:00:00.000Z"}},"meta":[[1,"data","when"]]}'),
  );
  assert.deepEqual(await post("echo/missing", "{}"), refused(404, '{"json":{"defined":false,"code":"NOT_FOUND","status":404,"message":"Role x not found"}}'));
  assert.deepEqual(await post("echo/nowhere", "{}"), refused(404, '{"error":"Not Found"}'));
  assert.deepEqual(
    await bytes(server, "echo/ping", { method: "GET" }),
    refused(405, '{"json":{"defined":false,"code":"METHOD_NOT_SUPPORTED","status":405,"message":"Method Not Supported"}}', "POST"),
  );
  assert.deepEqual(await post("echo/clash", "{}"), refused(409, '{"json":{"defined":false,"code":"CONFLICT","status":409,"message":"Conflict"}}'));
  for (const procedure of ["fault", "crash"])
    assert.deepEqual(await post(`echo/${procedure}`, "{}"), refused(500, '{"json":{"defined":false,"code":"INTERNAL_SERVER_ERROR","status":500,"message":"Internal server error"}}'));
  assert.equal((await bytes(server, "echo/ping", { body: "{}", type: "text/plain" })).status, 415);
});

test("AUTHCHECK_13_a_meta_path_through_the_prototype_is_refused_and_changes_nothing", async (context) => {
  const server = await echoServer(context);
  const everything = await bytes(server, "echo/everything", { body: "{}" });
  for (const path of ['"__proto__","x"', '"constructor","prototype","x"', '"a","__proto__"', '"toString"']) {
    const refused = await bytes(server, "echo/echo", { body: `{"json":{"a":{}},"meta":[[1,${path}]]}` });
    assert.equal(refused.status, 400, path);
    assert.match(refused.text, /^{"json":{"defined":false,"code":"BAD_REQUEST","status":400,"message":"Malformed request\. /, path);
  }
  // As a name like any other it goes in and comes out.
  const own = '{"json":{"__proto__":"1970-01-01T00:00:00.000Z"},"meta":[[1,"__proto__"]]}';
  assert.equal((await bytes(server, "echo/echo", { body: own })).text, own);
  assert.deepEqual(await bytes(server, "echo/everything", { body: "{}" }), everything);
  assert.deepEqual(await clientOf(server).echo.echo({ x: EPOCH }), { x: EPOCH });
});

test("AUTHCHECK_01_head_asks_queries_for_their_head", async (context) => {
  const server = await echoServer(context);
  const head = await bytes(server, "cat/list?data=%7B%22json%22%3A%7B%22q%22%3A%22a%22%7D%7D", { method: "HEAD" });
  assert.deepEqual(head, { status: 200, type: "application/json", allow: null, text: "" });
  assert.equal((await bytes(server, "echo/ping", { method: "HEAD" })).status, 405);
  for (const method of ["PUT", "PATCH", "DELETE"]) assert.deepEqual([(await bytes(server, "cat/list", { method, body: "{}" })).status, (await bytes(server, "cat/list", { method, body: "{}" })).allow], [405, "GET, HEAD, POST"], method);
});

test("the_program_does_not_hold_the_echo_area", async (context) => {
  const program = await new Program(context).start();
  assert.equal((await bytes(program, "echo/ping", { body: "{}" })).status, 404);
});
