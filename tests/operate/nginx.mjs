// packaging/nginx/watchbell.conf as it stands, but for ports, names of files and the host, in front of the program.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect as tlsConnect } from "node:tls";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { ADMIN, Api } from "../e2e/lib/api.mjs";
import { freePort } from "../e2e/lib/port.mjs";
import { Program, temporaryFolder } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { inTime, until } from "../e2e/lib/wait.mjs";

const HOST = "watchbell.example.com";
const file = readFileSync(new URL("../../packaging/nginx/watchbell.conf", import.meta.url), "utf8");

/** Replaces what must be there, everywhere. */
function put(text, from, to) {
  assert.ok(text.includes(from), `the file has no ${from}`);
  return text.replaceAll(from, to);
}

/** The program behind nginx: `{program, port, ask, log()}`. */
async function behindNginx(context) {
  const folder = temporaryFolder(context, "nginx");
  for (const each of ["", "temp"]) mkdirSync(join(folder, each), { mode: 0o755 });
  const [certificate, key] = [join(folder, "bell.pem"), join(folder, "bell.key")];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${HOST}`, "-addext", `subjectAltName=DNS:${HOST}`, "-keyout", key, "-out", certificate], { stdio: "pipe" });
  const [plain, secure] = [await freePort(), await freePort()];
  const program = await new Program(context).start({
    WATCHBELL_BASE_URL: `https://${HOST}`,
    WATCHBELL_TRUSTED_PROXIES: "127.0.0.1",
    WATCHBELL_SETUP_TOKEN: "open-sesame",
  });
  let site = file.replaceAll(/^ *listen \[::\].*\n/gm, "");
  site = put(site, "listen 80;", `listen 127.0.0.1:${plain};`);
  site = put(site, "listen 443 ssl http2;", `listen 127.0.0.1:${secure} ssl http2;`);
  site = put(site, "server 127.0.0.1:3000;", `server 127.0.0.1:${program.port};`);
  site = put(site, "/etc/ssl/certs/watchbell.pem", certificate);
  site = put(site, "/etc/ssl/private/watchbell.key", key);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((each) => `${each}_temp_path ${join(folder, "temp", each)};`).join("\n");
  const access = join(folder, "access.log");
  const all = join(folder, "nginx.conf");
  writeFileSync(
    all,
    `${process.getuid() === 0 ? "user root;" : ""}\ndaemon off;\nworker_processes 1;\npid ${join(folder, "pid")};\nerror_log ${join(folder, "error.log")} info;\n` +
      `events { worker_connections 256; }\nhttp {\naccess_log ${access};\n${temporary}\n${site}}\n`,
  );
  const words = ["-p", folder, "-e", join(folder, "error.log"), "-c", all];
  execFileSync(context.options.nginx, ["-t", ...words], { stdio: "pipe" });
  const nginx = spawn(context.options.nginx, words, { stdio: "inherit" });
  const gone = new Promise((resolve) => nginx.once("close", resolve));
  context.after(async () => {
    nginx.kill("SIGTERM");
    await gone;
  });
  const ca = readFileSync(certificate);
  /** @param {{from?: string, method?: string, headers?: object, body?: Buffer | string}} options */
  const ask = (path, { from = "127.0.0.1", method = "GET", headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: secure, localAddress: from, servername: HOST, ca, agent: false, method, path, headers: { host: HOST, ...headers } }, (answer) => {
        let text = "";
        answer.on("data", (part) => (text += part)).on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  await until("nginx to answer", async () => (await ask("/healthz")).status === 200);
  return { program, plain, secure, ca, ask, log: () => readFileSync(access, "utf8") };
}

const asJson = (input, headers = {}) => ({ method: "POST", headers: { "content-type": "application/json", origin: `https://${HOST}`, ...headers }, body: JSON.stringify(input) });
const cookieOf = ({ headers }) => headers["set-cookie"].map((line) => line.split(";")[0]).join("; ");

/** The administrator, signed in through nginx from an address; answers his cookie. */
async function signIn(ask, from, headers = {}) {
  const signedIn = await ask("/api/auth/sign-in/email", { ...asJson({ email: ADMIN.email, password: ADMIN.password }, headers), from });
  assert.equal(signedIn.status, 200, signedIn.text);
  return { cookie: cookieOf(signedIn), lines: signedIn.headers["set-cookie"] };
}

test("calls_pages_and_the_address_of_the_client_come_through_nginx", async (context) => {
  const { ask, log, plain } = await behindNginx(context);
  const page = await ask("/");
  assert.equal(page.status, 200);
  assert.match(page.text, /<!doctype html>/i);
  // Over a proxy the first visitor is asked for the token.
  assert.equal((await ask("/api/auth/completeOnboarding", asJson({ json: ADMIN }))).status, 403);
  assert.equal((await ask("/api/auth/completeOnboarding", asJson({ json: { ...ADMIN, setupToken: "open-sesame" } }))).status, 200);
  // What a client claims of its address counts for nothing.
  const { cookie, lines } = await signIn(ask, "127.0.0.7", { "x-forwarded-for": "203.0.113.9" });
  assert.ok(lines.every((line) => /; ?secure/i.test(line)), lines.join("\n"));
  const sessions = JSON.parse((await ask("/api/auth/list-sessions", { headers: { cookie } })).text);
  assert.deepEqual(sessions.map(({ ipAddress }) => ipAddress), ["127.0.0.7"]);
  assert.match(log(), /^127\.0\.0\.7 - .*POST \/api\/auth\/sign-in\/email/m);
  // Another site's page may not call with the cookie.
  const foreign = await ask("/api/catalog/getSystems", asJson({}, { cookie, origin: "https://evil.example" }));
  assert.equal(foreign.status, 403, foreign.text);
  assert.equal((await ask("/api/catalog/getSystems", asJson({}, { cookie }))).status, 200);
  // Plain HTTP leads to the same place over TLS.
  const moved = await fetch(`http://127.0.0.1:${plain}/inbox?x=1`, { redirect: "manual", headers: { host: HOST } });
  assert.equal(moved.status, 301);
  assert.match(moved.headers.get("location"), /^https:\/\/[^/]+\/inbox\?x=1$/);
});

test("a_body_of_a_large_send_passes_and_a_larger_one_does_not", async (context) => {
  const { ask } = await behindNginx(context);
  assert.equal((await ask("/api/auth/completeOnboarding", asJson({ json: { ...ADMIN, setupToken: "open-sesame" } }))).status, 200);
  const { cookie } = await signIn(ask, "127.0.0.1");
  const userIds = Array.from({ length: 100_000 }, () => "00000000-0000-4000-8000-000000000000");
  const large = asJson({ json: { userIds, title: "Deployed", body: "x", importance: "info" } }, { cookie });
  assert.ok(large.body.length > 3_000_000);
  const answer = await ask("/api/notification/notifyUsers", large);
  assert.ok(![413, 502, 504].includes(answer.status), `${answer.status} ${answer.text}`);
  assert.equal((await ask("/api/notification/notifyUsers", { ...large, body: Buffer.alloc(9 * 1024 * 1024, 0x20) })).status, 413);
});

test("a_websocket_opens_and_hears_a_signal", async (context) => {
  const { ask, secure, ca } = await behindNginx(context);
  assert.equal((await ask("/api/auth/completeOnboarding", asJson({ json: { ...ADMIN, setupToken: "open-sesame" } }))).status, 200);
  const { cookie } = await signIn(ask, "127.0.0.1");
  const socket = tlsConnect({ host: "127.0.0.1", port: secure, servername: HOST, ca, ALPNProtocols: ["http/1.1"] });
  context.after(async () => socket.destroy());
  await inTime("the connection", new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject)));
  let received = Buffer.alloc(0);
  let ended = false;
  socket.on("data", (part) => (received = Buffer.concat([received, part]))).on("close", () => (ended = true)).on("error", () => {});
  const said = (text) => received.includes(text);
  socket.write(
    `GET /api/signals/ws HTTP/1.1\r\nHost: ${HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nOrigin: https://${HOST}\r\nCookie: ${cookie}\r\n\r\n`,
  );
  await until("the upgrade", () => said("101 Switching Protocols") || ended);
  await until("the greeting", () => said('"type"') || ended);
  assert.ok(!ended, received.toString("latin1"));
  const me = JSON.parse((await ask("/api/auth/getCurrentUserProfile", asJson({}, { cookie }))).text).json;
  const notice = { userIds: [me.id], title: "Deployed", body: "Version 2 is out", importance: "info" };
  assert.equal((await ask("/api/notification/notifyUsers", asJson({ json: notice }, { cookie }))).status, 200);
  await until("the signal", () => said("notification.received"));
  assert.ok(!ended);
});
