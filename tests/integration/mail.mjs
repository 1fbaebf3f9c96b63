// What mails look like to those who get them, read by a parser of another maker, from the running program over SMTP.
import assert from "node:assert/strict";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import { ADMIN, Api, Refusal } from "../e2e/lib/api.mjs";
import { Program } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { until } from "../e2e/lib/wait.mjs";

const SMTP = "notification-smtp.smtp";
const BASE = "https://bell.example.com";

/** A mail server on loopback that keeps what it takes, parsed. */
class MailServer {
  mails = [];
  logins = [];
  connections = 0;

  constructor(context, options = {}) {
    this.server = new SMTPServer({
      authOptional: true,
      onConnect: (_, done) => {
        this.connections += 1;
        done();
      },
      onAuth: ({ username, password }, session, done) => {
        this.logins.push({ username, password, secure: session.secure });
        done(null, { user: username });
      },
      onData: (stream, { envelope, secure, user }, done) => {
        simpleParser(stream).then((mail) => {
          this.mails.push({ mail, envelope, secure, user });
          done();
        }, done);
      },
      ...options,
    });
    this.server.on("error", () => {});
    context.after(() => new Promise((resolve) => this.server.close(resolve)));
  }

  async up() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.port = this.server.server.address().port;
    return this;
  }

  async got(count) {
    await until(`mail ${count}`, () => this.mails.length >= count);
    return this.mails[count - 1];
  }
}

async function setUp(context, options, config, env) {
  // Before the program, so that it ends after it: a server that closes waits for the connections the program keeps.
  const server = await new MailServer(context, options).up();
  const program = await new Program(context).start({ WATCHBELL_BASE_URL: BASE, ...env });
  const api = await new Api(program).onboard();
  const { id } = await api.call("auth", "getCurrentUserProfile");
  const set = (more) =>
    api.call("notification", "updateDeliveryStrategy", {
      strategyId: SMTP,
      enabled: true,
      config: { host: "127.0.0.1", port: server.port, tls: "none", fromAddress: "bell@example.com", fromName: "Wächter", ...more },
    });
  await set(config);
  const notify = (input) => api.call("notification", "notifyUsers", { userIds: [id], title: "Disk full", body: "", ...input });
  return { program, api, id, server, set, notify };
}

const signedOut = (program) => (path, init) => fetch(program.base + path, init);

test("N_13_a_mail_says_in_text_and_html_what_was_told", async (context) => {
  const { api, server, notify } = await setUp(context);
  await notify({
    title: "Speicher voll: 🚨 \r\nBcc: eve@example.com ".padEnd(180, "ä"),
    body: "**/var** is full, see [the page](https://example.com/a?b=1&c=2)\n\n.\n\n<script>alert(1)</script>",
    importance: "critical",
    action: { label: "Open \"it\"", url: "/systems/1" },
  });
  const { mail, envelope } = await server.got(1);
  assert.deepEqual([envelope.mailFrom.address, envelope.rcptTo.map(({ address }) => address)], ["bell@example.com", [ADMIN.email]]);
  assert.deepEqual(mail.from.value, [{ address: "bell@example.com", name: "Wächter" }]);
  assert.deepEqual(mail.to.value, [{ address: ADMIN.email, name: ADMIN.name }]);
  assert.equal(mail.bcc, undefined);
  assert.match(mail.subject, /^Speicher voll: 🚨 +Bcc: eve@example.com ä+$/);
  assert.equal(mail.subject.length, 180);
  assert.equal(mail.headers.get("content-type").value, "multipart/alternative");
  assert.equal(mail.headers.get("auto-submitted"), "auto-generated");
  assert.equal(mail.headers.get("priority"), "high");
  assert.ok(Math.abs(Date.now() - mail.date.getTime()) < 60_000);
  assert.match(mail.text, /^\/var is full, see the page \(https:\/\/example\.com\/a\?b=1&c=2\)/);
  assert.match(mail.text, /https:\/\/bell\.example\.com\/systems\/1/);
  assert.match(mail.html, /<strong>\/var<\/strong> is full/);
  assert.match(mail.html, /<a href="https:\/\/bell\.example\.com\/systems\/1"[^>]*>Open &quot;it&quot;<\/a>/);
  assert.doesNotMatch(mail.html, /<script/);
  assert.match(mail.messageId, /^<[0-9a-f-]{36}@example\.com>$/);
  assert.equal((await api.inbox()).notifications.length, 1);
});

test("N_5_a_refused_mail_comes_again_as_the_same_mail", async (context) => {
  let refused = 0;
  const ids = [];
  const { server, notify } = await setUp(context, {
    onData: (stream, session, done) => {
      simpleParser(stream).then((mail) => {
        ids.push(mail.messageId);
        if (refused++ === 0) return done(Object.assign(new Error("greylisted"), { responseCode: 451 }));
        server.mails.push({ mail });
        return done();
      }, done);
    },
  });
  await notify({});
  await server.got(1);
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
});

test("N_5_what_is_told_of_one_system_is_one_thread_over_one_connection", async (context) => {
  const { api, server } = await setUp(context);
  const follow = async (name) => {
    const group = await api.call("catalog", "createSystem", { name });
    await api.call("notification", "subscribe", { groupId: `catalog.system.${group.id}` });
    return `catalog.system.${group.id}`;
  };
  const [web, db] = [await follow("Web"), await follow("Db")];
  let count = 0;
  for (const group of [web, web, db]) {
    await api.call("notification", "notifyGroups", { groupIds: [group], title: `News ${count}`, body: "x" });
    await server.got(++count);
  }
  const threads = server.mails.map(({ mail }) => mail.references);
  assert.match(threads[0], /^<thread\.[0-9a-f]{32}@example\.com>$/);
  assert.equal(threads[0], threads[1]);
  assert.notEqual(threads[0], threads[2]);
  assert.deepEqual(server.mails.map(({ mail }) => mail.inReplyTo), threads);
  assert.equal(new Set(server.mails.map(({ mail }) => mail.messageId)).size, 3);
  assert.equal(server.connections, 1);
});

test("N_14_a_login_is_said_over_tls_alone", async (context) => {
  const { api, server, set, notify } = await setUp(context, { authOptional: false }, { tls: "starttls", verifyCertificate: false, username: "bell", password: "S3CRET" });
  await notify({});
  const { secure, user } = await server.got(1);
  assert.ok(secure);
  assert.equal(user, "bell");
  assert.deepEqual(server.logins, [{ username: "bell", password: "S3CRET", secure: true }]);
  await assert.rejects(set({ tls: "none" }), (error) => error instanceof Refusal && error.status === 400);
  // A certificate nobody vouches for: not a byte of the login.
  await assert.rejects(set({ tls: "starttls", verifyCertificate: true }), (error) => error instanceof Refusal && error.status === 400, "a login is kept for where it was given for");
  await set({ tls: "starttls", verifyCertificate: true, username: "bell", password: "S3CRET" });
  const tested = await api.call("notification", "sendTestNotification", { strategyId: SMTP });
  assert.equal(tested.success, false);
  assert.match(tested.error, /no secure connection/);
  assert.equal(server.logins.length, 1);
});

test("N_14_implicit_tls_is_spoken_from_the_first_byte", async (context) => {
  const { api, server } = await setUp(context, { secure: true }, { tls: "implicit", verifyCertificate: false });
  assert.deepEqual(await api.call("notification", "sendTestNotification", { strategyId: SMTP }), { success: true });
  assert.equal((await server.got(1)).secure, true);
});

test("a_link_to_a_new_password_arrives_by_mail_whatever_is_switched_off", async (context) => {
  const { program, api, server } = await setUp(context);
  await api.call("notification", "setUserDeliveryPreference", { strategyId: SMTP, enabled: false });
  const stranger = new Api(program);
  await stranger.post("/api/auth/request-password-reset", { email: ADMIN.email, redirectTo: "/" });
  const { mail } = await server.got(1);
  assert.equal(mail.subject, "Set a new password");
  assert.equal(mail.headers.get("list"), undefined, "it cannot be switched off");
  const [, token] = /https:\/\/bell\.example\.com\/auth\/reset-password\?token=([A-Za-z0-9]+)/.exec(mail.text);
  await stranger.post("/api/auth/reset-password", { token, newPassword: "Carillon-7-plays" });
  await stranger.signIn({ email: ADMIN.email, password: "Carillon-7-plays" });
});

test("one_click_switches_mails_off_and_looking_at_the_link_does_not", async (context) => {
  const { program, api, server, notify } = await setUp(context, undefined, undefined, { WATCHBELL_RATE_LIMIT_SIGN_IN: "5/1000s" });
  const enabled = async () => (await api.call("notification", "getUserDeliveryChannels")).find(({ strategyId }) => strategyId === SMTP).enabled;
  await notify({});
  const { mail } = await server.got(1);
  const { unsubscribe, "unsubscribe-post": post } = mail.headers.get("list");
  assert.equal(post.name, "List-Unsubscribe=One-Click");
  assert.ok(unsubscribe.url.startsWith(`${BASE}/notification/leave?token=`));
  const path = unsubscribe.url.slice(BASE.length);
  const go = signedOut(program);
  const page = await go(path);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<form method="post"><button>/);
  assert.equal(await enabled(), true);
  const forged = { method: "POST", body: new URLSearchParams({ "List-Unsubscribe": "One-Click" }) };
  assert.equal((await go(`${path.slice(0, -2)}AA`, forged)).status, 404);
  assert.equal((await go("/notification/leave", forged)).status, 404);
  assert.equal(await enabled(), true);
  // Bad tries use up what an address has. A good link is no try: a mail provider presses hundreds of them from one address.
  const statuses = [];
  while (statuses.length < 20 && !statuses.includes(429)) statuses.push((await go("/notification/leave?token=x", forged)).status);
  assert.equal(statuses.at(-1), 429);
  const done = await go(path, { method: "POST", body: new URLSearchParams({ "List-Unsubscribe": "One-Click" }) });
  assert.equal(done.status, 200);
  assert.equal(await enabled(), false);
  await notify({ title: "More" });
  await until("the inbox to have both", async () => (await api.inbox()).total === 2);
  assert.equal(server.mails.length, 1);
  // The button of our own page, pressed by somebody who is signed in.
  await api.call("notification", "setUserDeliveryPreference", { strategyId: SMTP, enabled: true });
  const pressed = await go(path, { method: "POST", headers: { cookie: api.cookie, origin: BASE }, body: new URLSearchParams() });
  assert.equal(pressed.status, 200);
  assert.equal(await enabled(), false);
});

test("tries_at_one_click_are_limited_as_sign_ins_are", async (context) => {
  const program = await new Program(context).start({ WATCHBELL_RATE_LIMIT_SIGN_IN: "3/10s" });
  const statuses = [];
  for (let i = 0; i < 4; ++i) statuses.push((await fetch(`${program.base}/notification/leave?token=${i}`, { method: "POST" })).status);
  assert.deepEqual(statuses, [404, 404, 404, 429]);
});
