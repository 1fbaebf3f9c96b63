// Connecting an account over real HTTP: a browser with a session goes to the provider and comes back. The provider is a peer on loopback, written from the
// public documentation of the Microsoft identity platform (authorization code flow with PKCE, id tokens) and of Microsoft Graph (create chat, send a message).
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { Api, Refusal } from "../e2e/lib/api.mjs";
import { Program } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { Target } from "../e2e/lib/target.mjs";
import { until } from "../e2e/lib/wait.mjs";

const TEAMS = "notification-teams.teams";
const challengeOf = (verifier) => createHash("sha256").update(verifier).digest("base64url");

class Microsoft extends Target {
  codes = new Map();
  messages = [];
  refresh = "";
  access = "";
  life = 3600;

  constructor(context) {
    super(context, (request, response) => {
      const [status, body] = this.answer(request);
      response.statusCode = status;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(body));
    });
  }

  get config() {
    const base = this.url.replace(/\/$/, "");
    return { tenantId: "contoso", clientId: "app-1", clientSecret: "S3CRET", apiBaseUrl: base, loginBaseUrl: base };
  }

  /** The user agrees; the parameters his browser is sent back with. */
  agree(authUrl) {
    const asked = Object.fromEntries(new URL(authUrl).searchParams);
    assert.equal(asked.response_type, "code");
    assert.equal(asked.code_challenge_method, "S256");
    const code = randomUUID();
    this.codes.set(code, asked);
    return new URLSearchParams({ code, state: asked.state });
  }

  answer(request) {
    if (request.url === "/contoso/oauth2/v2.0/token") return this.token(Object.fromEntries(new URLSearchParams(request.raw.toString())));
    if (request.headers.authorization !== `Bearer ${this.access}`) return [401, { error: { code: "InvalidAuthenticationToken", message: "no" } }];
    if (request.url === "/v1.0/chats") return [201, { id: "19:c@unq.gbl.spaces" }];
    this.messages.push(JSON.parse(request.raw.toString()));
    return [201, { id: "1" }];
  }

  token(said) {
    const refused = (error) => [400, { error, error_description: "AADSTS" }];
    if (said.client_id !== "app-1" || said.client_secret !== "S3CRET") return [401, { error: "invalid_client" }];
    let nonce;
    if (said.grant_type === "authorization_code") {
      const begun = this.codes.get(said.code);
      this.codes.delete(said.code);
      if (begun === undefined || begun.redirect_uri !== said.redirect_uri || challengeOf(said.code_verifier ?? "") !== begun.code_challenge) return refused("invalid_grant");
      nonce = begun.nonce;
    } else if (said.refresh_token !== this.refresh) {
      return refused("invalid_grant");
    }
    this.access = randomUUID();
    this.refresh = randomUUID();
    const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const idToken = `${part({ alg: "RS256" })}.${part({ aud: "app-1", exp: Date.now() / 1000 + 3600, oid: "11111111-2222-3333-4444-555555555555", nonce })}.c2ln`;
    return [200, { token_type: "Bearer", expires_in: this.life, access_token: this.access, refresh_token: this.refresh, id_token: idToken }];
  }
}

async function setUp(context, env) {
  const program = new Program(context);
  await program.start(env);
  const api = await new Api(program).onboard();
  const provider = await new Microsoft(context).up();
  await api.call("notification", "updateDeliveryStrategy", { strategyId: TEAMS, enabled: true, config: provider.config });
  const begin = async (who = api, returnUrl) => (await who.call("notification", "getDeliveryOAuthUrl", { strategyId: TEAMS, returnUrl })).authUrl;
  const comeBack = async (parameters, who = api) => {
    const response = await fetch(`${program.base}/api/notification/oauth/${TEAMS}/callback?${parameters}`, { redirect: "manual", headers: who.cookie === "" ? {} : { cookie: who.cookie } });
    assert.equal(response.status, 302);
    assert.equal(response.headers.get("referrer-policy"), "no-referrer");
    const to = new URL(response.headers.get("location"));
    assert.equal(to.origin, program.base);
    return to.pathname + to.search;
  };
  const channel = async () => (await api.call("notification", "getUserDeliveryChannels")).find((one) => one.strategyId === TEAMS);
  return { program, api, provider, begin, comeBack, channel };
}

test("N_10_a_browser_goes_to_the_provider_and_comes_back_connected", async (context) => {
  const { program, api, provider, begin, comeBack, channel } = await setUp(context);
  const url = await begin();
  assert.equal(new URL(url).searchParams.get("redirect_uri"), `${program.base}/api/notification/oauth/${TEAMS}/callback`);
  assert.equal((await channel()).isConfigured, false);
  const back = provider.agree(url);
  assert.equal(await comeBack(back), `/notification/settings?linked=${TEAMS}`);
  assert.equal(await comeBack(back), "/notification/settings?error=state", "good once");
  const linked = await channel();
  assert.equal(linked.isConfigured, true);
  assert.ok(linked.linkedAt);
  assert.ok(!JSON.stringify(linked).includes(provider.refresh) && !JSON.stringify(await api.call("notification", "getDeliveryStrategies")).includes("S3CRET"));
  assert.deepEqual(await api.call("notification", "sendTestNotification", { strategyId: TEAMS }), { success: true });
  assert.equal(JSON.parse(provider.messages[0].attachments[0].content).type, "AdaptiveCard");
  await api.call("notification", "unlinkDeliveryChannel", { strategyId: TEAMS });
  assert.equal((await channel()).isConfigured, false);
});

test("N_10_what_one_session_began_no_other_ends", async (context) => {
  const { program, api, provider, begin, comeBack, channel } = await setUp(context);
  const back = provider.agree(await begin());
  assert.equal(await comeBack(back, new Api(program)), "/notification/settings?error=session");
  const other = await new Api(program).signIn();
  assert.equal(await comeBack(back, other), "/notification/settings?error=state", "the same user's other session");
  assert.equal((await channel()).isConfigured, false);
  for (const returnUrl of ["https://evil.test/", "//evil.test", "/\\evil.test"])
    await assert.rejects(begin(api, returnUrl), (error) => error instanceof Refusal && error.status === 400);
  assert.equal(await comeBack(provider.agree(await begin(api, "/account?tab=2"))), `/account?tab=2&linked=${TEAMS}`);
  assert.equal(await comeBack(new URLSearchParams({ error: "access_denied", error_description: "<b>", state: new URL(await begin()).searchParams.get("state") })), "/notification/settings?error=denied");
});

test("N_10_a_link_outlives_a_restart_and_is_renewed_when_it_has_ended", async (context) => {
  const { program, api, provider, begin, comeBack } = await setUp(context);
  provider.life = 1;  // over before it begins: renewed before it is of use
  assert.equal(await comeBack(provider.agree(await begin())), `/notification/settings?linked=${TEAMS}`);
  const before = provider.refresh;
  await program.kill();
  await program.start();
  const { id } = await api.call("auth", "getCurrentUserProfile");
  await api.call("notification", "notifyUsers", { userIds: [id], title: "Disk full", body: "**/var**" });
  await until("the message", () => provider.messages.length === 1);
  assert.notEqual(provider.refresh, before);
  provider.refresh = "revoked";
  await api.call("notification", "notifyUsers", { userIds: [id], title: "Disk fuller", body: "" });
  await until("the request to connect again", async () => (await api.inbox()).notifications.some((one) => one.title === "Connect Microsoft Teams again"));
});

test("N_14_the_sign_in_address_is_no_way_into_a_guarded_network", async (context) => {
  const { provider, begin, comeBack } = await setUp(context, { WATCHBELL_EGRESS_ALLOW: "" });
  assert.equal(await comeBack(provider.agree(await begin())), "/notification/settings?error=provider");
  assert.equal(provider.access, "", "it was never asked");
});
