import { createHash } from "node:crypto";
import { StandardRPCJsonSerializer } from "@orpc/client/standard";
import type { Area, Input, Output, ProcedureOf } from "../../src/lib/client.ts";
import type { Signals } from "../../src/lib/generated/contract.ts";
import { FakeAccounts } from "./fake-accounts.ts";
import { FakeCatalog } from "./fake-catalog.ts";
import { FakeDelivery } from "./fake-delivery.ts";
import { FakeHealth, type FakeRunStatus } from "./fake-health.ts";
import { FakePeople, type FakeUser } from "./fake-people.ts";
import { FakeError, groupOf, need, remove } from "./fake-tools.ts";

export { FakeError } from "./fake-tools.ts";
export type { FakeUser } from "./fake-people.ts";

/**
 * The server as the app sees it: every procedure the pages use over state in memory, in the bytes of the wire, with the session
 * endpoints and the websocket. Tests and `npm run fake` share it, so that what is looked at is what is tested. A procedure that
 * changes in the contract stops this file from compiling; one that is not here is not found, as on a server that does not know it.
 */

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

export interface Caller {
  user: FakeUser | undefined;
}

export type Handlers = { [A in Area]?: { [P in ProcedureOf<A>]?: (input: Input<A, P>, caller: Caller) => Output<A, P> } };
type ProcedureName = { [A in Area]: `${A}.${ProcedureOf<A>}` }[Area];
type Notification = Output<"notification", "getNotifications">["notifications"][number];
type Group = Output<"notification", "getGroups">[number];
type Channel = Output<"notification", "getUserDeliveryChannels">[number];
type System = Output<"catalog", "getSystems">["systems"][number];

const WEBHOOK = "notification-webhook.webhook";
const PUSH_KEY = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
const OPEN_PROCEDURES = ["auth.getOnboardingStatus", "auth.completeOnboarding", "auth.accessRules", "auth.getRegistrationStatus", "auth.validateResetToken"];
const MANAGED: Record<string, string> = {
  "auth.getUsers": "auth.users.read",
  "auth.createCredentialUser": "auth.users.create.manage",
  "auth.updateUserRoles": "auth.users.manage",
  "auth.deleteUser": "auth.users.manage",
  "auth.getRoles": "auth.roles.read",
  "auth.getAccessRules": "auth.roles.read",
  "auth.createRole": "auth.roles.create.manage",
  "auth.updateRole": "auth.roles.update.manage",
  "auth.deleteRole": "auth.roles.delete.manage",
  "auth.getApplications": "auth.applications.manage",
  "auth.createApplication": "auth.applications.manage",
  "auth.updateApplication": "auth.applications.manage",
  "auth.deleteApplication": "auth.applications.manage",
  "auth.rotateApplicationSecret": "auth.applications.manage",
  "auth.revokeApplication": "auth.applications.manage",
  "auth.setRegistrationStatus": "auth.registration.manage",
  "auth.getAuditLog": "auth.audit.read",
  "catalog.createGroup": "catalog.group.manage",
  "catalog.updateGroup": "catalog.group.manage",
  "catalog.deleteGroup": "catalog.group.manage",
  "catalog.getViews": "catalog.view.read",
  "catalog.createView": "catalog.view.manage",
  "catalog.deleteView": "catalog.view.manage",
  "catalog.addSystemToGroup": "catalog.system.manage",
  "catalog.removeSystemFromGroup": "catalog.system.manage",
  "catalog.addSystemContact": "catalog.system.manage",
  "catalog.removeSystemContact": "catalog.system.manage",
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
  "notification.getRetentionSettings": "notification.notification.manage",
  "notification.setRetentionSettings": "notification.notification.manage",
  "notification.getDeadLetters": "notification.notification.manage",
  "notification.getDeliveryAttempts": "notification.notification.manage",
  "notification.replayDelivery": "notification.notification.manage",
};

export class FakeServer {
  readonly people = new FakePeople(() => this.id());
  readonly accounts = new FakeAccounts(this.people, () => this.id());
  readonly catalog = new FakeCatalog(this);
  /** What one may subscribe to; a system's group comes and goes with it. */
  readonly groups: Group[] = [];
  readonly notifications: Notification[] = [];
  readonly health = new FakeHealth();
  readonly delivery = new FakeDelivery(() => this.id());
  readonly calls: FakeCall[] = [];
  readonly tests: { url: string; secret: string | undefined }[] = [];
  setupToken: string | undefined;
  /** What a test send answers. */
  testAnswer: Output<"notification", "sendTestNotification"> = { success: true };
  webhookEnabled = true;
  /** Whether mail to the address of the account is among the channels. */
  mailOffered = false;
  /** Whether pushes to browsers are among the channels. */
  pushOffered = false;
  /** By user: the endpoints of his browsers. */
  readonly pushEndpoints = new Map<string, string[]>();

  private readonly themes = new Map<string, Output<"theme", "getTheme">>();
  private readonly sockets = new Set<FakeSocket>();
  private readonly subscriptions: { userId: string; groupId: string; at: Date }[] = [];
  private readonly preferences = new Map<string, Pick<Channel, "enabled" | "digestMinutes" | "quietHours"> & { url?: string; secret?: string }>();
  private readonly failures: { procedure: string; error: FakeError }[] = [];
  private readonly held = new Map<string, Promise<void>>();
  private readonly serializer = new StandardRPCJsonSerializer();
  private lastId = 0;
  private lastCall = 0;

  // ---- steering -------------------------------------------------------------------------------------------------------------

  get systems(): readonly System[] {
    return this.catalog.systems;
  }

  get users(): readonly FakeUser[] {
    return this.people.users;
  }

  addUser(user: Partial<FakeUser> = {}): FakeUser {
    return this.people.add(user);
  }

  /** Opens a session; answers what its cookie holds. */
  openSession(user: FakeUser): string {
    return this.accounts.open(user).token;
  }

  endSessions(): void {
    this.accounts.endAll();
    for (const socket of [...this.sockets]) socket.close(4401);
  }

  setTheme(userId: string, theme: Output<"theme", "getTheme">["theme"]): void {
    this.themes.set(userId, { theme });
  }

  /** When a user's webhook may speak. */
  setTimes(user: FakeUser, times: Pick<Channel, "digestMinutes" | "quietHours">): void {
    this.preferences.set(user.id, { enabled: true, ...this.preferences.get(user.id), ...times });
  }

  /** The next call of the procedure fails; several failures are met in turn. */
  fail(procedure: ProcedureName | `auth/${string}`, error: FakeError): void {
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
    const socket: FakeSocket = { userId: this.accounts.userOf(token)?.id, send, close };
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
    const user = this.accounts.userOf(token);
    const headers = { "content-type": "application/json", "x-correlation-id": `fake-${String(++this.lastCall)}` };
    const answer = (status: number, value: unknown) => new Response(JSON.stringify(value), { status, headers });
    try {
      if (path === "/api/config") return { response: answer(200, { baseUrl: "" }), token };
      const endpoint = path.replace("/api/auth/", "");
      if (path.startsWith("/api/auth/") && this.accounts.has(endpoint)) {
        this.meetFailure(`auth/${endpoint}`);
        const { status = 200, value, cookie = token } = this.accounts.handle(endpoint, body === "" ? {} : (JSON.parse(body) as Record<string, unknown>), token);
        return { response: answer(status, value), token: cookie === null ? undefined : cookie };
      }

      const [area = "", procedure = ""] = path.replace(/^\/api\//, "").split("/");
      const handler = (this.handlers as Partial<Record<string, Partial<Record<string, (input: unknown, caller: Caller) => unknown>>>>)[area]?.[procedure];
      if (!handler || method !== "POST") return { response: answer(404, { error: "Not Found" }), token };
      const output = await this.call(`${area}.${procedure}`, handler, body, user);
      const [json, meta] = this.serializer.serialize(output);
      return { response: answer(200, { json, ...(meta.length > 0 ? { meta } : {}) }), token };
    } catch (error) {
      if (!(error instanceof FakeError)) throw error;
      const { status, code, message, issues } = error;
      if (path.startsWith("/api/auth/") && this.accounts.has(path.replace("/api/auth/", ""))) return { response: answer(status, { code, message }), token };
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

  private meetFailure(procedure: string): void {
    const at = this.failures.findIndex((failure) => failure.procedure === procedure);
    const [failure] = at < 0 ? [] : this.failures.splice(at, 1);
    if (failure) throw failure.error;
  }

  // ---- procedures -----------------------------------------------------------------------------------------------------------

  private readonly handlers: Handlers = {
    auth: {
      ...this.people.handlers,
      getOnboardingStatus: () => ({ needsOnboarding: this.users.length === 0, setupTokenRequired: this.setupToken !== undefined }),
      completeOnboarding: ({ name, email, password, setupToken }) => {
        if (this.users.length > 0) throw new FakeError(403, "FORBIDDEN", "Already done");
        if (setupToken !== this.setupToken) throw new FakeError(403, "FORBIDDEN", "Wrong setup token");
        this.addUser({ name, email, password });
        return { success: true };
      },
      validateResetToken: ({ token }) => this.accounts.judgeResetToken(token),
    },
    catalog: this.catalog.handlers,
    command: {
      search: ({ query = "" }, { user }) => {
        const fits = ({ title }: { title: string }) => title.toLowerCase().includes(query.toLowerCase());
        const systems = this.systems.map(({ id, name, description }) => ({
          id: `catalog.${id}`,
          type: "entity" as const,
          title: name,
          ...(description === null ? {} : { subtitle: description }),
          category: "Systems",
          route: `/catalog/system/${id}`,
        }));
        const add = { id: "catalog.create", type: "command" as const, title: "Create System", subtitle: "Add a system to the catalog", category: "Catalog", route: "/catalog/config?action=create" };
        return [...systems, ...(need(user).rules.some((rule) => rule === "*" || rule === "catalog.system.manage") ? [add] : [])].filter(fits);
      },
    },
    theme: {
      getTheme: (_, { user }) => this.themes.get(need(user).id) ?? { theme: "system" },
      setTheme: ({ theme }, { user }) => this.setTheme(need(user).id, theme),
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
      getNotifications: ({ limit = 20, offset = 0, unreadOnly = false, collapseKey, search = "" }, { user }) => {
        const found = ({ title, body }: Notification) => `${title}\n${body}`.toLowerCase().includes(search.toLowerCase());
        const mine = this.notifications.filter((each) => each.userId === user?.id && !(unreadOnly && each.isRead) && (collapseKey === undefined || each.collapseKey === collapseKey) && found(each));
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
      unsubscribe: ({ groupId }, { user }) => void remove(this.subscriptions, (each) => each.groupId === groupId && each.userId === user?.id),
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
        { ...this.delivery.telegram },
      ],
      updateDeliveryStrategy: (input) => {
        if (input.strategyId === WEBHOOK) this.webhookEnabled = input.enabled;
        else this.delivery.update(input);
      },
      getRetentionSchema: () => ({}),
      getRetentionSettings: () => this.delivery.retention,
      setRetentionSettings: (wanted) => {
        this.delivery.retention = wanted;
      },
      getDeadLetters: ({ limit = 20, offset = 0 }) => ({ items: this.delivery.deadLetters.slice(offset, offset + limit), total: this.delivery.deadLetters.length, limit, offset }),
      getDeliveryAttempts: ({ limit = 20, offset = 0, notificationId, deliveryId }) => {
        const asked = this.delivery.attempts.filter(
          (each) => (deliveryId === undefined || each.deliveryId === deliveryId) && (notificationId === undefined || each.notificationId === notificationId),
        );
        return { items: asked.slice(offset, offset + limit), total: asked.length, limit, offset };
      },
      getNotificationDeliveries: ({ notificationIds }) => ({ deliveries: this.delivery.deliveries.filter((each) => notificationIds.includes(each.notificationId)) }),
      replayDelivery: ({ deliveryId }) => this.delivery.replay(deliveryId),
      sendTransactional: () => ({ deliveredCount: 0, results: [] }),
      unlinkDeliveryChannel: ({ strategyId }, { user }) => {
        if (strategyId === "notification-teams.teams") this.delivery.teams = {};
        else this.preferences.delete(need(user).id);
      },
      getDeliveryOAuthUrl: ({ strategyId, returnUrl = "/settings" }) => ({ authUrl: `https://login.example.com/authorize?state=${strategyId}&then=${returnUrl}` }),
      getUserDeliveryChannels: (_, { user }) => {
        const { url, secret, ...rest } = this.preferences.get(need(user).id) ?? { enabled: true, digestMinutes: 0 };
        const endpoints = this.pushEndpoints.get(need(user).id) ?? [];
        const push = {
          strategyId: "notification-webpush.webpush",
          displayName: "Browser",
          description: "Shows notifications in this browser.",
          contactResolution: { type: "user-config" as const },
          enabled: true,
          digestMinutes: 0,
          isConfigured: endpoints.length > 0,
          userConfigSchema: { type: "object", properties: { devices: { type: "array", title: "Browsers" } } },
          userConfig: { devices: endpoints.map((endpoint) => ({ id: createHash("sha256").update(endpoint).digest("base64url") })) },
        };
        return [
          ...(this.mailOffered ? [MAIL] : []),
          ...(this.pushOffered ? [push] : []),
          ...(this.webhookEnabled ? [this.webhookChannel(rest, url, secret)] : []),
          ...this.delivery.telegramChannel(),
          ...this.delivery.teamsChannel(),
        ];
      },
      setUserDeliveryPreference: ({ enabled, userConfig, digestMinutes, quietHours }, { user }) => {
        const kept = this.preferences.get(need(user).id);
        const before = userConfig === null ? undefined : kept;
        const { url = before?.url, signingSecret = before?.secret } = (userConfig ?? {}) as { url?: string; signingSecret?: string | null };
        const quiet = quietHours === undefined ? kept?.quietHours : (quietHours ?? undefined);
        this.preferences.set(need(user).id, {
          enabled,
          digestMinutes: digestMinutes === undefined ? (kept?.digestMinutes ?? 0) : (digestMinutes ?? 0),
          ...(quiet && { quietHours: quiet }),
          ...(url === undefined ? {} : { url }),
          ...(signingSecret === undefined || signingSecret === null ? {} : { secret: signingSecret }),
        });
      },
      getPushKey: () => ({ publicKey: PUSH_KEY }),
      addPushSubscription: ({ endpoint }, { user }) => {
        const { id } = need(user);
        this.pushEndpoints.set(id, [...(this.pushEndpoints.get(id) ?? []).filter((each) => each !== endpoint), endpoint]);
      },
      removePushSubscription: ({ endpoint }, { user }) => {
        const { id } = need(user);
        const before = this.pushEndpoints.get(id) ?? [];
        this.pushEndpoints.set(id, before.filter((each) => each !== endpoint));
        return { success: before.includes(endpoint) };
      },
      sendTestNotification: ({ strategyId }, { user }) => {
        const { url, secret } = this.preferences.get(need(user).id) ?? {};
        if (strategyId === WEBHOOK && url !== undefined) this.tests.push({ url, secret });
        const contacts: Partial<Record<string, string | undefined>> = { [WEBHOOK]: url, [this.delivery.telegram.qualifiedId]: this.delivery.chatId };
        const isMissing = strategyId in contacts && contacts[strategyId] === undefined;
        return isMissing ? { success: false, error: "The user has not set the channel up" } : this.testAnswer;
      },
    },
  };

  private webhookChannel(preference: Pick<Channel, "enabled" | "digestMinutes" | "quietHours">, url: string | undefined, secret: string | undefined) {
    return {
      strategyId: WEBHOOK,
      displayName: "Webhook",
      description: "Signed POST requests to an address of your own.",
      contactResolution: { type: "user-config" as const },
      ...preference,
      isConfigured: url !== undefined,
      userConfigSchema: WEBHOOK_SCHEMA,
      ...(url === undefined ? {} : { userConfig: { url } }),
      secretsSet: secret === undefined ? [] : ["signingSecret"],
    };
  }

  /** A system is gone, and what hung on it with it. */
  forgetSystem(id: string): void {
    remove(this.groups, (group) => group.id === groupOf(id));
    remove(this.subscriptions, (each) => each.groupId === groupOf(id));
    this.health.forget(id);
  }

  private tellSubscribers(system: System, state: string, reason: string | undefined): void {
    const looks = { unhealthy: ["critical", "is unhealthy"], degraded: ["warning", "is degraded"], healthy: ["info", "has recovered"] } as const;
    const status = state as keyof typeof looks;
    const [importance, what] = looks[status];
    for (const { userId, groupId } of this.subscriptions) {
      if (groupId !== groupOf(system.id)) continue;
      const body = reason === undefined ? "All of its checks pass." : `Its check failed: ${reason}.`;
      this.notify(userId, {
        title: `${system.name} ${what}`,
        body,
        importance,
        groupId,
        collapseKey: groupId,
        subjects: [{ kind: "catalog.system", id: system.id, name: system.name, url: `/systems/${system.id}`, status }],
        action: { label: "Open system", url: `/systems/${system.id}` },
      });
    }
  }

  private unread(userId: string): number {
    return this.notifications.filter((each) => each.userId === userId && !each.isRead).length;
  }

  private announceCount(userId: string): void {
    this.announce("notification.countChanged", { unreadCount: this.unread(userId) }, userId);
  }

  private system(id: string): System {
    return this.catalog.system(id);
  }

  id(): string {
    return `00000000-0000-7000-8000-${String(++this.lastId).padStart(12, "0")}`;
  }
}

const MAIL = {
  strategyId: "notification-smtp.smtp",
  displayName: "Email",
  description: "Sends notifications to the mail address of your account.",
  contactResolution: { type: "auth-email" as const },
  enabled: true,
  isConfigured: true,
  digestMinutes: 0,
};

const WEBHOOK_SCHEMA = {
  type: "object",
  properties: { url: { type: "string", format: "uri" }, signingSecret: { type: "string", "x-secret": true } },
  required: ["url"],
};
