import { StandardRPCJsonSerializer } from "@orpc/client/standard";
import type { Area, Input, Output, ProcedureOf } from "../../src/lib/client.ts";
import type { Signals } from "../../src/lib/generated/contract.ts";
import { FakeHealth, type FakeRunStatus } from "./fake-health.ts";

/**
 * The server as the app sees it: every procedure of the contract over state in memory, in the bytes of the wire, with the session
 * endpoints and the websocket. Tests and `npm run fake` share it, so that what is looked at is what is tested. A procedure that
 * changes in the contract stops this file from compiling.
 */

export interface FakeUser {
  id: string;
  name: string;
  email: string;
  password: string;
  rules: string[];
}

export interface FakeCall {
  procedure: string;
  input: unknown;
  user: string | undefined;
}

export interface FakeSocket {
  userId: string | undefined;
  send: (frame: string) => void;
  close: (code: number) => void;
}

interface Caller {
  user: FakeUser | undefined;
}

type Handlers = { [A in Area]: { [P in ProcedureOf<A>]: (input: Input<A, P>, caller: Caller) => Output<A, P> } };
type ProcedureName = { [A in Area]: `${A}.${ProcedureOf<A>}` }[Area];
type Notification = Output<"notification", "getNotifications">["notifications"][number];
type Group = Output<"notification", "getGroups">[number];
type System = Output<"catalog", "getSystems">["systems"][number];

export class FakeError extends Error {
  readonly status: number;
  readonly code: string;
  readonly issues: { path: (string | number)[]; message: string }[] | undefined;

  constructor(status: number, code: string, message: string, issues?: { path: (string | number)[]; message: string }[]) {
    super(message);
    this.status = status;
    this.code = code;
    this.issues = issues;
  }
}

const WEBHOOK = "notification-webhook.webhook";
const VISITOR_RULES = ["catalog.system.read", "healthcheck.healthcheck.status.read"];
const OPEN_PROCEDURES = ["auth.getOnboardingStatus", "auth.completeOnboarding", "auth.accessRules"];
const MANAGED: Record<string, string> = {
  "catalog.createSystem": "catalog.system.manage",
  "catalog.updateSystem": "catalog.system.manage",
  "catalog.deleteSystem": "catalog.system.manage",
  "healthcheck.createConfiguration": "healthcheck.healthcheck.manage",
  "healthcheck.updateConfiguration": "healthcheck.healthcheck.manage",
  "healthcheck.deleteConfiguration": "healthcheck.healthcheck.manage",
  "healthcheck.associateSystem": "healthcheck.healthcheck.manage",
  "healthcheck.disassociateSystem": "healthcheck.healthcheck.manage",
  "healthcheck.pauseConfiguration": "healthcheck.healthcheck.manage",
  "healthcheck.resumeConfiguration": "healthcheck.healthcheck.manage",
  "healthcheck.getConfigurations": "healthcheck.healthcheck.read",
  "healthcheck.getSystemAssociations": "healthcheck.healthcheck.read",
  "notification.getDeliveryStrategies": "notification.notification.manage",
  "notification.updateDeliveryStrategy": "notification.notification.manage",
};

export class FakeServer {
  readonly users: FakeUser[] = [];
  readonly systems: System[] = [];
  readonly groups: Group[] = [];
  readonly notifications: Notification[] = [];
  readonly health = new FakeHealth();
  readonly calls: FakeCall[] = [];
  readonly tests: { url: string; secret: string | undefined }[] = [];
  setupToken: string | undefined;
  /** What a test send answers. */
  testAnswer: Output<"notification", "sendTestNotification"> = { success: true };
  webhookEnabled = true;

  private readonly sessions = new Map<string, string>();
  private readonly sockets = new Set<FakeSocket>();
  private readonly subscriptions: { userId: string; groupId: string; at: Date }[] = [];
  private readonly preferences = new Map<string, { enabled: boolean; url?: string; secret?: string }>();
  private readonly failures: { procedure: string; error: FakeError }[] = [];
  private readonly held = new Map<string, Promise<void>>();
  private readonly serializer = new StandardRPCJsonSerializer();
  private lastId = 0;
  private lastCall = 0;

  // ---- steering -------------------------------------------------------------------------------------------------------------

  addUser({ name = "Ada Admin", email = "ada@example.com", password = "Secret123", rules = ["*"] }: Partial<FakeUser> = {}): FakeUser {
    const user = { id: this.id(), name, email, password, rules };
    this.users.push(user);
    return user;
  }

  /** Opens a session; answers what its cookie holds. */
  openSession(user: FakeUser): string {
    const token = `token-${this.id()}`;
    this.sessions.set(token, user.id);
    return token;
  }

  endSessions(): void {
    this.sessions.clear();
    for (const socket of [...this.sockets]) socket.close(4401);
  }

  /** The next call of the procedure fails; several failures are met in turn. */
  fail(procedure: ProcedureName | "auth/sign-in/email" | "auth/get-session", error: FakeError): void {
    this.failures.push({ procedure, error });
  }

  /** Answers of the procedure wait until the returned function is called. */
  hold(procedure: ProcedureName): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.held.set(procedure, promise.then(() => undefined));
    return () => {
      this.held.delete(procedure);
      resolve(undefined);
    };
  }

  callsOf(procedure: ProcedureName): unknown[] {
    return this.calls.filter((call) => call.procedure === procedure).map((call) => call.input);
  }

  /** One run of every check of a system, with all that follows from it: status, signals, notifications. */
  run(systemId: string, status: FakeRunStatus, latencyMs?: number, message?: string, at = new Date()): void {
    const system = this.system(systemId);
    for (const check of this.health.checksOf(systemId)) {
      const { before, after } = this.health.run(systemId, check.configurationId, { status, latencyMs, message, at });
      const configuration = this.health.configuration(check.configurationId);
      this.announce("healthcheck.run.completed", {
        systemId,
        systemName: system.name,
        configurationId: configuration.id,
        configurationName: configuration.name,
        status,
        ...(latencyMs === undefined ? {} : { latencyMs }),
      });
      if (before === after) continue;
      this.announce("healthcheck.system.status_changed", { systemId, previousStatus: before, newStatus: after });
      if (before !== "unknown") this.tellSubscribers(system, after, message);
    }
  }

  notify(userId: string, notification: Pick<Notification, "title"> & Partial<Notification>): void {
    const row: Notification = { id: this.id(), userId, body: "", importance: "info", isRead: false, createdAt: new Date(), ...notification };
    this.notifications.unshift(row);
    this.announce("notification.received", { id: row.id, title: row.title, body: row.body, importance: row.importance }, userId);
    this.announceCount(userId);
  }

  announce<S extends keyof Signals>(signalId: S, payload: Signals[S], userId?: string): void {
    const frame = JSON.stringify({ type: "signal", signalId, pluginId: signalId.split(".")[0], payload, timestamp: new Date().toISOString() });
    for (const socket of this.sockets) if (userId === undefined || socket.userId === userId) socket.send(frame);
  }

  // ---- wire -----------------------------------------------------------------------------------------------------------------

  /** A websocket that has been opened; answers what is called with each frame and at its end. */
  connect(token: string | undefined, { send, close }: Pick<FakeSocket, "send" | "close">): { frame: (text: string) => void; closed: () => void } {
    const socket: FakeSocket = { userId: token === undefined ? undefined : this.sessions.get(token), send, close };
    this.sockets.add(socket);
    send(JSON.stringify({ type: "connected", userId: socket.userId ?? "anonymous" }));
    return {
      frame: (text) => {
        if (text === '{"type":"ping"}') send('{"type":"pong"}');
      },
      closed: () => this.sockets.delete(socket),
    };
  }

  dropSockets(code: number): void {
    for (const socket of [...this.sockets]) socket.close(code);
  }

  get openSockets(): number {
    return this.sockets.size;
  }

  /** Answers one HTTP request under /api. `token` is what the session cookie held; the answer may set another. */
  async handle(method: string, path: string, body: string, token: string | undefined): Promise<{ response: Response; token: string | undefined }> {
    const user = this.users.find((each) => each.id === this.sessions.get(token ?? ""));
    const headers = { "content-type": "application/json", "x-correlation-id": `fake-${String(++this.lastCall)}` };
    const answer = (status: number, value: unknown) => new Response(JSON.stringify(value), { status, headers });
    try {
      if (path === "/api/config") return { response: answer(200, { baseUrl: "" }), token };
      const session = /^\/api\/auth\/(get-session|sign-in\/email|sign-out)$/.exec(path)?.[1];
      if (session !== undefined) return this.handleSession(session, body, token, user, answer);

      const [area = "", procedure = ""] = path.replace(/^\/api\//, "").split("/");
      const handler = (this.handlers as Partial<Record<string, Partial<Record<string, (input: unknown, caller: Caller) => unknown>>>>)[area]?.[procedure];
      if (!handler || method !== "POST") return { response: answer(404, { error: "Not Found" }), token };
      const output = await this.call(`${area}.${procedure}`, handler, body, user);
      const [json, meta] = this.serializer.serialize(output);
      return { response: answer(200, { json, ...(meta.length > 0 ? { meta } : {}) }), token };
    } catch (error) {
      if (!(error instanceof FakeError)) throw error;
      const { status, code, message, issues } = error;
      if (path.startsWith("/api/auth/") && path.includes("-")) return { response: answer(status, { code, message }), token };
      return { response: answer(status, { json: { defined: false, code, status, message, ...(issues ? { data: { issues } } : {}) } }), token };
    }
  }

  private async call(name: string, handler: (input: unknown, caller: Caller) => unknown, body: string, user: FakeUser | undefined): Promise<unknown> {
    const { json, meta } = (body === "" ? {} : JSON.parse(body)) as { json?: unknown; meta?: [] };
    const input = this.serializer.deserialize(json, meta ?? []);
    this.calls.push({ procedure: name, input, user: user?.id });
    await this.held.get(name);
    this.meetFailure(name);
    const rule = MANAGED[name];
    if (!user && !OPEN_PROCEDURES.includes(name)) throw new FakeError(401, "UNAUTHORIZED", "Sign in first");
    if (rule !== undefined && !user?.rules.some((held) => held === "*" || held === rule)) throw new FakeError(403, "FORBIDDEN", `Missing ${rule}`);
    return handler(input, { user });
  }

  private handleSession(endpoint: string, body: string, token: string | undefined, user: FakeUser | undefined, answer: (status: number, value: unknown) => Response) {
    this.meetFailure(`auth/${endpoint}`);
    if (endpoint === "get-session") {
      const person = user && { id: user.id, name: user.name, email: user.email };
      return { response: answer(200, person ? { session: { id: token, userId: user.id, expiresAt: new Date(Date.now() + 6e8).toISOString() }, user: person } : null), token };
    }
    if (endpoint === "sign-out") {
      this.sessions.delete(token ?? "");
      return { response: answer(200, { success: true }), token: undefined };
    }
    const { email, password } = JSON.parse(body) as { email: string; password: string };
    const found = this.users.find((each) => each.email === email && each.password === password);
    if (!found) throw new FakeError(401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password");
    return { response: answer(200, { redirect: false, user: { id: found.id } }), token: this.openSession(found) };
  }

  private meetFailure(procedure: string): void {
    const at = this.failures.findIndex((failure) => failure.procedure === procedure);
    const [failure] = at < 0 ? [] : this.failures.splice(at, 1);
    if (failure) throw failure.error;
  }

  // ---- procedures -----------------------------------------------------------------------------------------------------------

  private readonly handlers: Handlers = {
    auth: {
      accessRules: (_, { user }) => ({ accessRules: user?.rules ?? VISITOR_RULES, isInAnyTeam: false }),
      getOnboardingStatus: () => ({ needsOnboarding: this.users.length === 0, setupTokenRequired: this.setupToken !== undefined }),
      completeOnboarding: ({ name, email, password, setupToken }) => {
        if (this.users.length > 0) throw new FakeError(403, "FORBIDDEN", "Already done");
        if (setupToken !== this.setupToken) throw new FakeError(403, "FORBIDDEN", "Wrong setup token");
        this.addUser({ name, email, password });
        return { success: true };
      },
      getCurrentUserProfile: (_, { user }) => ({ id: need(user).id, name: need(user).name, email: need(user).email, hasCredentialAccount: true }),
    },
    catalog: {
      getSystems: () => ({ systems: this.systems }),
      getSystem: ({ systemId }) => this.systems.find((system) => system.id === systemId) ?? null,
      createSystem: ({ name, description }) => {
        if (this.systems.some((system) => system.name === name)) throw new FakeError(409, "CONFLICT", "The name is taken");
        const system: System = { id: this.id(), name, description: description ?? null, metadata: null, createdAt: new Date(), updatedAt: new Date() };
        this.systems.push(system);
        this.groups.push({ id: groupOf(system.id), name, description: "", ownerPlugin: "catalog", createdAt: new Date() });
        this.announce("catalog.changed", { entity: "system", action: "created", id: system.id });
        return system;
      },
      updateSystem: ({ id, data }) => {
        const system = this.system(id);
        Object.assign(system, data, { updatedAt: new Date() });
        for (const group of this.groups) if (group.id === groupOf(id)) group.name = system.name;
        this.announce("catalog.changed", { entity: "system", action: "updated", id });
        return system;
      },
      deleteSystem: ({ id }) => {
        const at = this.systems.findIndex((system) => system.id === id);
        if (at < 0) return { success: false };
        this.systems.splice(at, 1);
        this.groups.splice(this.groups.findIndex((group) => group.id === groupOf(id)), 1);
        remove(this.subscriptions, (each) => each.groupId === groupOf(id));
        this.health.forget(id);
        this.announce("catalog.changed", { entity: "system", action: "deleted", id });
        return { success: true };
      },
    },
    healthcheck: {
      getStrategies: () => [{ id: "healthcheck-http.http", displayName: "HTTP", description: "", category: "networking", configSchema: {} }],
      getCollectors: () => [{ id: "healthcheck-http.request", displayName: "Request", description: "", configSchema: {}, resultSchema: {}, allowMultiple: true }],
      createConfiguration: (input) => this.health.create(this.id(), input),
      updateConfiguration: ({ id, body }) => this.health.update(id, body),
      deleteConfiguration: ({ id }) => this.health.delete(id),
      pauseConfiguration: ({ id }) => this.health.pause(id, true),
      resumeConfiguration: ({ id }) => this.health.pause(id, false),
      getConfigurations: () => ({ configurations: this.health.configurations, total: this.health.configurations.length }),
      associateSystem: ({ systemId, body }) => {
        this.health.associate(this.system(systemId).id, body);
        this.announce("healthcheck.config.changed", {});
      },
      disassociateSystem: ({ systemId, configId }) => {
        this.health.disassociate(systemId, configId);
        this.announce("healthcheck.config.changed", {});
      },
      getSystemAssociations: ({ systemId }) => this.health.associations(systemId),
      getSystemHealthStatus: ({ systemId }) => this.health.status(systemId),
      getBulkSystemHealthStatus: ({ systemIds }) => ({ statuses: Object.fromEntries(systemIds.map((id) => [id, this.health.status(id)])) }),
      getHistory: (input) => this.health.history(input),
    },
    notification: {
      getNotifications: ({ limit = 20, offset = 0, unreadOnly = false }, { user }) => {
        const mine = this.notifications.filter((each) => each.userId === user?.id && !(unreadOnly && each.isRead));
        return { notifications: mine.slice(offset, offset + limit), total: mine.length, limit, offset };
      },
      getUnreadCount: (_, { user }) => ({ count: this.unread(need(user).id) }),
      markAsRead: ({ notificationId }, { user }) => {
        for (const each of this.notifications) if (each.userId === user?.id && (notificationId === undefined || each.id === notificationId)) each.isRead = true;
        this.announce("notification.read", notificationId === undefined ? {} : { notificationId }, need(user).id);
        this.announceCount(need(user).id);
      },
      deleteNotification: ({ notificationId }, { user }) => {
        remove(this.notifications, (each) => each.id === notificationId && each.userId === user?.id);
        this.announceCount(need(user).id);
      },
      notifyUsers: ({ userIds, title, body, importance = "info", action }) => {
        for (const userId of userIds) this.notify(userId, { title, body, importance, ...(action ? { action } : {}) });
        return { notifiedCount: userIds.length };
      },
      notifyGroups: ({ groupIds, title, body }) => {
        const told = new Set(this.subscriptions.filter((each) => groupIds.includes(each.groupId)).map((each) => each.userId));
        for (const userId of told) this.notify(userId, { title, body });
        return { notifiedCount: told.size };
      },
      getGroups: () => this.groups,
      createGroup: ({ groupId, ownerPlugin }) => ({ id: `${ownerPlugin}.${groupId}` }),
      deleteGroup: () => ({ success: false }),
      getSubscriptions: (_, { user }) =>
        this.subscriptions
          .filter((each) => each.userId === user?.id)
          .map(({ groupId, at }) => ({ groupId, groupName: this.groups.find((group) => group.id === groupId)?.name ?? groupId, groupDescription: "", ownerPlugin: "catalog", subscribedAt: at })),
      subscribe: ({ groupId }, { user }) => {
        if (!this.groups.some((group) => group.id === groupId)) throw new FakeError(404, "NOT_FOUND", "No such group");
        if (!this.subscriptions.some((each) => each.groupId === groupId && each.userId === user?.id)) this.subscriptions.push({ userId: need(user).id, groupId, at: new Date() });
      },
      unsubscribe: ({ groupId }, { user }) => remove(this.subscriptions, (each) => each.groupId === groupId && each.userId === user?.id),
      getDeliveryStrategies: () => [
        {
          qualifiedId: WEBHOOK,
          displayName: "Webhook",
          description: "Signed POST requests to an address of one's own.",
          ownerPluginId: "notification-webhook",
          contactResolution: { type: "user-config", field: "url" },
          requiresUserConfig: true,
          requiresOAuthLink: false,
          configSchema: {},
          userConfigSchema: WEBHOOK_SCHEMA,
          enabled: this.webhookEnabled,
        },
      ],
      updateDeliveryStrategy: ({ enabled }) => {
        this.webhookEnabled = enabled;
      },
      getUserDeliveryChannels: (_, { user }) => {
        if (!this.webhookEnabled) return [];
        const { enabled, url, secret } = this.preferences.get(need(user).id) ?? { enabled: true };
        return [
          {
            strategyId: WEBHOOK,
            displayName: "Webhook",
            description: "Signed POST requests to an address of your own.",
            contactResolution: { type: "user-config" },
            enabled,
            isConfigured: url !== undefined,
            userConfigSchema: WEBHOOK_SCHEMA,
            ...(url === undefined ? {} : { userConfig: { url } }),
            secretsSet: secret === undefined ? [] : ["signingSecret"],
          },
        ];
      },
      setUserDeliveryPreference: ({ enabled, userConfig }, { user }) => {
        const before = userConfig === null ? undefined : this.preferences.get(need(user).id);
        const { url = before?.url, signingSecret = before?.secret } = (userConfig ?? {}) as { url?: string; signingSecret?: string | null };
        this.preferences.set(need(user).id, { enabled, ...(url === undefined ? {} : { url }), ...(signingSecret === undefined || signingSecret === null ? {} : { secret: signingSecret }) });
      },
      sendTestNotification: (_, { user }) => {
        const { url, secret } = this.preferences.get(need(user).id) ?? {};
        if (url === undefined) return { success: false, error: "Not set up" };
        this.tests.push({ url, secret });
        return this.testAnswer;
      },
    },
  };

  private tellSubscribers(system: System, state: string, reason: string | undefined): void {
    const looks = { unhealthy: ["critical", "is unhealthy"], degraded: ["warning", "is degraded"], healthy: ["info", "has recovered"] } as const;
    const [importance, what] = looks[state as keyof typeof looks];
    for (const { userId, groupId } of this.subscriptions) {
      if (groupId !== groupOf(system.id)) continue;
      const body = reason === undefined ? "All of its checks pass." : `Its check failed: ${reason}.`;
      this.notify(userId, { title: `${system.name} ${what}`, body, importance, groupId, action: { label: "Open system", url: `/systems/${system.id}` } });
    }
  }

  private unread(userId: string): number {
    return this.notifications.filter((each) => each.userId === userId && !each.isRead).length;
  }

  private announceCount(userId: string): void {
    this.announce("notification.countChanged", { unreadCount: this.unread(userId) }, userId);
  }

  private system(id: string): System {
    const system = this.systems.find((each) => each.id === id);
    if (!system) throw new FakeError(404, "NOT_FOUND", "No such system");
    return system;
  }

  private id(): string {
    return `00000000-0000-7000-8000-${String(++this.lastId).padStart(12, "0")}`;
  }
}

const WEBHOOK_SCHEMA = {
  type: "object",
  properties: { url: { type: "string", format: "uri" }, signingSecret: { type: "string", "x-secret": true } },
  required: ["url"],
};

const groupOf = (systemId: string) => `catalog.system.${systemId}`;

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new FakeError(401, "UNAUTHORIZED", "Sign in first");
  return value;
}

function remove<T>(from: T[], which: (each: T) => boolean): void {
  for (let at = from.length - 1; at >= 0; at--) {
    const each = from[at];
    if (each !== undefined && which(each)) from.splice(at, 1);
  }
}
