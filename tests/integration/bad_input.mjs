// Whatever comes in over a socket gets the answer the protocol has for it, reaches no handler, and leaves the server as it was.
import assert from "node:assert/strict";
import { Api } from "../e2e/lib/api.mjs";
import { Program } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { RawSocket, RawWebSocket } from "./lib/raw.mjs";

const MIB = 1024 * 1024;

/** A running server with somebody signed in, and the proof that it still is one. */
async function serving(context) {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const system = await api.call("catalog", "createSystem", { name: "Shop" });
  const pid = program.pid;
  const unharmed = async () => {
    assert.equal(program.pid, pid);
    const { systems } = await api.call("catalog", "getSystems");
    assert.deepEqual(systems.map(({ id, name }) => ({ id, name })), [{ id: system.id, name: "Shop" }]);
    assert.equal((await fetch(`${program.base}/healthz`)).status, 200);
  };
  return { program, api, unharmed };
}

async function post({ program, api }, path, body, headers = {}) {
  const response = await fetch(program.base + path, { method: "POST", headers: { "content-type": "application/json", cookie: api.cookie, ...headers }, body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: text === "" ? undefined : JSON.parse(text) };
}

test("malformed_and_mistyped_bodies_are_400", async (context) => {
  const scene = await serving(context);
  const path = "/api/catalog/createSystem";
  const nested = (depth) => `{"json":{"name":"x","metadata":{"a":${"[".repeat(depth)}${"]".repeat(depth)}}}}`;
  for (const body of ["{", "null", "nonsense", '{"json":', '{"json":{"name":"x"}}x', nested(1000), nested(100_000), '{"json":{},"meta":[[1,"__proto__","x"]]}', '{"json":{},"meta":5}', Buffer.from([0x7b, 0xff, 0xfe])]) {
    const answer = await post(scene, path, body);
    assert.equal(answer.status, 400, String(body).slice(0, 40));
    assert.equal(answer.json.json.code, "BAD_REQUEST");
    assert.match(answer.json.json.message, /^Malformed request/);
  }
  for (const [input, member] of [
    [{}, "name"],
    [{ name: 5 }, "name"],
    [{ name: "" }, "name"],
    [{ name: "x".repeat(201) }, "name"],
    [{ name: "a\u0000b" }, "name"],
    [{ name: "x", description: 5 }, "description"],
    [{ name: "x", metadata: [] }, "metadata"],
    [[], undefined],
    ["x", undefined],
    [null, undefined],
  ]) {
    const answer = await post(scene, path, JSON.stringify({ json: input }));
    assert.equal(answer.status, 400, JSON.stringify(input).slice(0, 40));
    assert.deepEqual(answer.json.json.data.issues[0].path, member === undefined ? [] : [member]);
  }
  const plain = await post(scene, "/api/auth/sign-in/email", "{", { origin: scene.program.base });
  assert.equal(plain.status, 400);
  await scene.unharmed();
});

test("bodies_over_the_limit_are_413_and_never_read_on", async (context) => {
  const scene = await serving(context);
  const refused = async (path, fields, body = []) => {
    const raw = await RawSocket.open(context, scene.program);
    raw.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`);
    for (const part of body) raw.write(part);
    const answer = await raw.answer();
    assert.equal(answer.status, 413, fields.join());
    assert.equal(answer.headers.get("connection"), "close");
    assert.ok("error" in JSON.parse(answer.text));
  };
  const system = "/api/catalog/createSystem";
  const chunks = new Array(32).fill(`10000\r\n${"x".repeat(65536)}\r\n`);
  await refused(system, [`Content-Length: ${2 * MIB}`]);
  await refused(system, [`Content-Length: ${2 * MIB}`], ["x".repeat(2 * MIB)]);
  await refused(system, ["Transfer-Encoding: chunked"], chunks);
  // One that waits for leave to send gets none.
  await refused(system, [`Content-Length: ${2 * MIB}`, "Expect: 100-continue"]);
  await refused("/api/auth/sign-in/email", [`Content-Length: ${2 * MIB}`]);
  await refused("/nowhere", [`Content-Length: ${2 * MIB}`]);

  // The limit of a procedure that takes long lists is its own; a body within it is read and judged.
  const long = await post(scene, "/api/notification/notifyUsers", JSON.stringify({ json: { userIds: [], title: "x".repeat(2 * MIB), body: "b" } }));
  assert.equal(long.status, 400);
  assert.equal(long.json.json.data.issues[0].code, "too_big");
  await refused("/api/notification/notifyUsers", [`Content-Length: ${9 * MIB}`]);
  await scene.unharmed();
});

test("unknown_procedures_and_wrong_methods_are_told_so", async (context) => {
  const scene = await serving(context);
  for (const path of ["/api/catalog/nothing", "/api/nothing/getSystems", "/api/catalog/GETSYSTEMS", "/api/catalog/getSystems/more", "/api/catalog", "/api/", "/api/catalog/getSystem%73", "/rest/catalog/nothing", "/rest/nothing/getSystems", "/rest/catalog"]) {
    const answer = await post(scene, path, "{}");
    assert.equal(answer.status, 404, path);
    assert.deepEqual(answer.json, { error: "Not Found" });
  }
  const method = async (name, path) => {
    const response = await fetch(scene.program.base + path, { method: name, headers: { cookie: scene.api.cookie } });
    return [response.status, response.headers.get("allow")];
  };
  assert.deepEqual(await method("GET", "/api/catalog/createSystem"), [405, "POST"]);
  assert.deepEqual(await method("HEAD", "/api/catalog/createSystem"), [405, "POST"]);
  assert.deepEqual(await method("PUT", "/api/catalog/createSystem"), [405, "POST"]);
  assert.deepEqual(await method("DELETE", "/api/catalog/getSystems"), [405, "GET, HEAD, POST"]);
  assert.deepEqual(await method("HEAD", "/api/catalog/getSystems"), [200, null]);
  assert.deepEqual(await method("DELETE", "/api/auth/get-session"), [405, "GET, HEAD"]);
  for (const type of ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
    assert.equal((await post(scene, "/api/catalog/createSystem", '{"json":{"name":"x"}}', { "content-type": type })).status, 415, type);
  await scene.unharmed();
});

test("a_cookie_does_nothing_for_a_foreign_page_and_a_forged_one_for_nobody", async (context) => {
  const scene = await serving(context);
  const body = '{"json":{"name":"Theirs"}}';
  for (const origin of ["https://evil.example", "null", `http://127.0.0.1.evil.example:${scene.program.port}`, "http://127.0.0.1:1"]) {
    const answer = await post(scene, "/api/catalog/createSystem", body, { origin });
    assert.equal(answer.status, 403, origin);
    assert.equal(answer.json.json.code, "FORBIDDEN");
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
    const session = await post(scene, "/api/auth/sign-out", "{}", { origin });
    assert.deepEqual([session.status, session.json.code], [403, origin === "null" ? "MISSING_OR_NULL_ORIGIN" : "INVALID_ORIGIN"]);
  }
  assert.equal((await post(scene, "/api/catalog/createSystem", body, { referer: "https://evil.example/page" })).status, 403);
  assert.equal((await post(scene, "/api/auth/sign-out", "{}")).json.code, "MISSING_OR_NULL_ORIGIN");

  const [name, value] = [scene.api.cookie.slice(0, scene.api.cookie.indexOf("=")), scene.api.cookie.slice(scene.api.cookie.indexOf("=") + 1)];
  const token = decodeURIComponent(value).split(".")[0];
  for (const forged of [`${name}=`, `${name}=${token}`, `${name}=${token}.`, `${name}=${encodeURIComponent(`${token}.${"A".repeat(43)}=`)}`, `${name}=x${value}`, `${name}=${"x".repeat(8000)}`, `other=${value}`, `${name}=%zz`, `${name}=;;;=`]) {
    const answer = await post(scene, "/api/catalog/createSystem", body, { cookie: forged });
    assert.equal(answer.status, 401, forged.slice(0, 60));
  }
  await scene.unharmed();
});

test("heads_that_may_mean_two_things_are_400_and_end_the_connection", async (context) => {
  const scene = await serving(context);
  const line = "POST /api/catalog/getSystems HTTP/1.1\r\nHost: x\r\n";
  const cases = [
    [`${line}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`, 400],
    [`${line}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
    [`${line}Content-Length: 2, 2\r\n\r\n{}`, 400],
    [`${line}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    [`${line}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400],
    [`${line}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
    [`${line}Content-Length: -1\r\n\r\n`, 400],
    [`${line}Content-Length: +2\r\n\r\n{}`, 400],
    [`${line}Content-Length: 0x2\r\n\r\n{}`, 400],
    [`${line}Host: y\r\n\r\n`, 400],
    ["GET / HTTP/1.1\r\n\r\n", 400],
    [`${line}X: a\r\n folded\r\n\r\n`, 400],
    [`${line}X : a\r\n\r\n`, 400],
    [`${line}X: a\0b\r\n\r\n`, 400],
    ["GET / HTTP/1.1\nHost: x\n\n", 400],
    ["nonsense\r\n\r\n", 400],
    ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    ["GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505],
    [`${line}X: ${"x".repeat(40 * 1024)}\r\n\r\n`, 431],
    [`${line}${"X: x\r\n".repeat(8000)}\r\n`, 431],
  ];
  for (const [request, status] of cases) {
    const raw = await RawSocket.open(context, scene.program);
    raw.write(Buffer.from(request, "latin1"));
    const answer = await raw.answer();
    const what = JSON.stringify(request.slice(0, 120));
    assert.equal(answer.status, status, what);
    assert.equal(answer.headers.get("connection"), "close", what);
    assert.equal(typeof JSON.parse(answer.text).error, "string", what);
    raw.finish();
    await raw.closed();
  }
  // Nothing behind such a head is taken for a request of its own.
  const smuggler = await RawSocket.open(context, scene.program);
  smuggler.write(`${line}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.equal((await smuggler.answer()).status, 400);
  smuggler.finish();
  await smuggler.closed();
  assert.equal(smuggler.received.length, 0);
  await scene.unharmed();
});

test("a_request_cut_in_the_middle_harms_nobody", async (context) => {
  const scene = await serving(context);
  const whole = `POST /api/catalog/createSystem HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nCookie: ${scene.api.cookie}\r\nContent-Length: 26\r\n\r\n{"json":{"name":"Theirs"}}`;
  for (let size = 1; size < whole.length; size += 7) {
    const raw = await RawSocket.open(context, scene.program);
    raw.write(whole.slice(0, size));
    raw.cut();
  }
  await scene.unharmed();
});

test("requests_sent_together_are_answered_in_order", async (context) => {
  const scene = await serving(context);
  const raw = await RawSocket.open(context, scene.program);
  const get = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  raw.write(get("/healthz") + get("/api/nothing/nothing") + get("/api/auth/ok") + get("/readyz"));
  const statuses = [];
  for (let i = 0; i < 4; ++i) statuses.push((await raw.answer()).status);
  assert.deepEqual(statuses, [200, 404, 200, 200]);
});

test("websockets_open_to_our_pages_only", async (context) => {
  const scene = await serving(context);
  const { program, api } = scene;
  assert.equal(await RawWebSocket.open(context, program, { cookie: api.cookie, origin: "https://evil.example" }), 403);
  assert.equal(await RawWebSocket.open(context, program, { cookie: api.cookie }), 403);
  const own = await RawWebSocket.open(context, program, { cookie: api.cookie, origin: program.base });
  const hello = await own.json();
  assert.equal(hello.type, "connected");
  assert.match(hello.userId, /^[0-9a-f-]{36}$/);
  const visitor = await RawWebSocket.open(context, program);
  assert.equal((await visitor.json()).userId, "anonymous");
  // A forged cookie makes a visitor, not a user.
  const forged = await RawWebSocket.open(context, program, { cookie: `${api.cookie}x`, origin: program.base });
  assert.equal((await forged.json()).userId, "anonymous");
  assert.equal((await fetch(`${program.base}/api/signals/ws`)).status, 426);
  await scene.unharmed();
});

test("websocket_frames_that_break_the_rules_close_with_the_right_code", async (context) => {
  const scene = await serving(context);
  const open = async () => {
    const socket = await RawWebSocket.open(context, scene.program);
    assert.equal((await socket.json()).type, "connected");
    return socket;
  };
  const cases = [
    ["too large", 1009, (socket) => socket.send("x".repeat(5000))],
    ["said to be too large", 1009, (socket) => socket.send("x", { length: 2 ** 40 })],
    ["too large in parts", 1009, (socket) => { for (const opcode of [1, 0, 0]) socket.send("x".repeat(2000), { opcode, final: false }); }],
    ["not masked", 1002, (socket) => socket.send("{}", { masked: false })],
    ["reserved bit", 1002, (socket) => socket.send("{}", { reserved: 4 })],
    ["unknown opcode", 1002, (socket) => socket.send("{}", { opcode: 3 })],
    ["continuation of nothing", 1002, (socket) => socket.send("{}", { opcode: 0 })],
    ["split control frame", 1002, (socket) => socket.send("x", { opcode: 9, final: false })],
    ["not UTF-8", 1007, (socket) => socket.send(Buffer.from([0xff, 0xfe]))],
    ["binary", 1003, (socket) => socket.send("{}", { opcode: 2 })],
  ];
  for (const [what, code, act] of cases) {
    const socket = await open();
    act(socket);
    assert.equal(await socket.closeCode(), code, what);
  }

  // The first frame that is no JSON is answered, the fifth is the last.
  const muddled = await open();
  muddled.send("{");
  assert.equal((await muddled.json()).type, "error");
  muddled.send('{"type":"ping"}');
  assert.equal((await muddled.json()).type, "pong");
  for (let i = 0; i < 4; ++i) muddled.send("[]");
  assert.equal(await muddled.closeCode(), 1008);

  const hasty = await open();
  for (let i = 0; i < 60; ++i) hasty.send('{"type":"ping"}');
  assert.equal(await hasty.closeCode(), 1008);

  const cut = await open();
  cut.raw.write(Buffer.from([0x81]));
  cut.raw.cut();
  const fine = await open();
  fine.send('{"type":"something later"}');
  fine.send('{"type":"ping"}');
  assert.equal((await fine.json()).type, "pong");
  await scene.unharmed();
});
