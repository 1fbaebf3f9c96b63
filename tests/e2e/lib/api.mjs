import { randomUUID } from "node:crypto";

/** Who signs in, in every test. */
export const ADMIN = { name: "Ada Admin", email: "ada@example.com", password: "Bell-1-rings" };
export const WEBHOOK = "notification-webhook.webhook";

/** A refused call: the HTTP status and what the body said. */
export class Refusal extends Error {
  constructor(what, status, body) {
    super(`${what}: ${status} ${JSON.stringify(body)}`);
    this.status = status;
    this.body = body;
  }
}

/** A person at the wire: calls procedures with plain JSON inputs and keeps the session cookie. */
export class Api {
  cookie = "";

  /** @param program  a Program: its address may change over a restart */
  constructor(program, { bearer } = {}) {
    this.program = program;
    this.bearer = bearer;
  }

  async call(area, procedure, input) {
    const answer = await this.post(`/api/${area}/${procedure}`, input === undefined ? {} : { json: input });
    return answer.json;
  }

  async post(path, body) {
    const headers = { "content-type": "application/json" };
    // A page of ours: session endpoints want its origin as soon as a cookie comes along.
    if (this.cookie !== "") Object.assign(headers, { cookie: this.cookie, origin: this.program.base });
    if (this.bearer !== undefined) headers.authorization = `Bearer ${this.bearer}`;
    const response = await fetch(this.program.base + path, { method: "POST", headers, body: JSON.stringify(body) });
    for (const line of response.headers.getSetCookie?.() ?? [response.headers.get("set-cookie") ?? ""]) {
      const pair = line.split(";")[0];
      // That of a half-done sign-in goes as the session's comes.
      if (pair.includes("=") && pair !== "better-auth.two_factor=") this.cookie = pair;
    }
    const text = await response.text();
    const value = text === "" ? {} : JSON.parse(text);
    if (!response.ok) throw new Refusal(path, response.status, value);
    return value;
  }

  /** The first administrator, signed in. */
  async onboard() {
    await this.call("auth", "completeOnboarding", ADMIN);
    return this.signIn();
  }

  async signIn({ email, password } = ADMIN) {
    await this.post("/api/auth/sign-in/email", { email, password });
    return this;
  }

  async useWebhook(url, signingSecret) {
    await this.call("notification", "setUserDeliveryPreference", { strategyId: WEBHOOK, enabled: true, userConfig: { url, signingSecret } });
  }

  /** A system with an HTTP check, each second unless told otherwise, that takes two failures to fall and one success to rise; its author is told. */
  async watch(name, url, { tellMe = true, intervalSeconds = 1 } = {}) {
    const system = await this.call("catalog", "createSystem", { name });
    const check = await this.call("healthcheck", "createConfiguration", {
      name,
      strategyId: "healthcheck-http.http",
      config: {},
      intervalSeconds,
      collectors: [{ id: randomUUID(), collectorId: "healthcheck-http.request", config: { method: "GET", url }, assertions: [] }],
    });
    await this.call("healthcheck", "associateSystem", {
      systemId: system.id,
      body: {
        configurationId: check.id,
        stateThresholds: { mode: "consecutive", healthy: { minSuccessCount: 1 }, degraded: { minFailureCount: 2 }, unhealthy: { minFailureCount: 2 } },
      },
    });
    if (tellMe) await this.call("notification", "subscribe", { groupId: `catalog.system.${system.id}` });
    return system;
  }

  async stateOf(system) {
    return (await this.call("healthcheck", "getSystemHealthStatus", { systemId: system.id })).status;
  }

  async inbox() {
    return this.call("notification", "getNotifications", {});
  }
}
