import type { Output } from "../../src/lib/client.ts";
import type { Handlers } from "./fake-server.ts";
import { FakeError, found, need, remove } from "./fake-tools.ts";

type Role = Output<"auth", "getRoles">[number];
type Application = Extract<Output<"auth", "getApplications">, unknown[]>[number];
type AuditEntry = Output<"auth", "getAuditLog">["items"][number];

export interface FakeUser {
  id: string;
  name: string;
  email: string;
  password: string;
  /** What this user may do, whatever the roles say. */
  rules: string[];
  roles: string[];
  /** Asked for a code at the sign-in. */
  secondFactor: boolean;
}

const VISITOR_RULES = ["catalog.system.read", "healthcheck.healthcheck.status.read"];
const RULES: Output<"auth", "getAccessRules"> = [
  { id: "auth.roles.read", description: "Read roles", anonymousUsable: false },
  { id: "auth.users.manage", description: "Manage users", anonymousUsable: false },
  { id: "catalog.system.read", description: "Read systems", anonymousUsable: true },
  { id: "catalog.system.manage", description: "Manage systems", anonymousUsable: false },
  { id: "notification.notification.send", description: "Send notifications", anonymousUsable: false },
];

/** Users, roles, API keys and the audit log of the fake server. */
export class FakePeople {
  readonly users: FakeUser[] = [];
  readonly roles: Role[] = [
    { id: "admin", name: "Administrators", description: "", accessRules: RULES.map(({ id }) => id), isSystem: true, isAssignable: true },
    { id: "users", name: "Users", description: "Everybody with an account", accessRules: ["catalog.system.read"], isSystem: true, isAssignable: true },
    { id: "anonymous", name: "Anonymous Users", description: "Visitors", accessRules: ["catalog.system.read"], isSystem: true, isAssignable: false },
    { id: "applications", name: "Applications", description: "", accessRules: [], isSystem: true, isAssignable: true },
  ];
  readonly applications: Application[] = [];
  readonly audit: AuditEntry[] = [];
  allowRegistration = true;

  private readonly id: () => string;

  constructor(id: () => string) {
    this.id = id;
  }

  add({ name = "Ada Admin", email = "ada@example.com", password = "Secret123", rules = ["*"], roles = [rules.includes("*") ? "admin" : "users"], secondFactor = false }: Partial<FakeUser>): FakeUser {
    const user = { id: this.id(), name, email, password, rules, roles, secondFactor };
    this.users.push(user);
    return user;
  }

  addKey(name: string, more: Partial<Application> = {}): Application {
    const application = { id: this.id(), name, description: null, roles: ["applications"], createdById: "somebody", createdAt: new Date(), lastUsedAt: null, expiresAt: null, revokedAt: null, rateLimit: null, ...more };
    this.applications.push(application);
    return application;
  }

  note(action: string, more: Partial<AuditEntry> = {}): void {
    this.audit.unshift({ id: this.id(), at: new Date(), actor: "console", actorName: null, action, target: "", targetName: null, address: "", outcome: "ok", ...more });
  }

  readonly handlers: NonNullable<Handlers["auth"]> = {
    accessRules: (_, { user }) => ({ accessRules: user?.rules ?? VISITOR_RULES, isInAnyTeam: false }),
    getCurrentUserProfile: (_, { user }) => ({ id: need(user).id, name: need(user).name, email: need(user).email, hasCredentialAccount: true }),
    updateCurrentUser: ({ name, email, currentPassword }, { user }) => {
      const self = need(user);
      if (email !== undefined) {
        if (currentPassword !== self.password) throw new FakeError(400, "BAD_REQUEST", "Invalid", [{ path: ["currentPassword"], message: "This is not your password" }]);
        this.refuseTaken(email);
        self.email = email;
      }
      if (name !== undefined) self.name = name;
    },
    getUsers: () => this.users.map(({ id, name, email, roles }) => ({ id, name, email, roles })),
    createCredentialUser: ({ name, email, password }) => {
      this.refuseTaken(email);
      return { userId: this.add({ name, email, password, rules: [] }).id };
    },
    updateUserRoles: ({ userId, roles }) => {
      const user = found(this.users.find((each) => each.id === userId));
      if (user.roles.includes("admin") && !roles.includes("admin") && this.users.filter((each) => each.roles.includes("admin")).length === 1) {
        throw new FakeError(409, "CONFLICT", "The last administrator keeps the role");
      }
      user.roles = roles;
    },
    deleteUser: ({ id }) => {
      if (!remove(this.users, (each) => each.id === id)) throw new FakeError(404, "NOT_FOUND", "No such user");
    },
    getRoles: () => this.roles,
    getAccessRules: () => RULES,
    createRole: ({ name, description, accessRules }) => {
      this.roles.push({ id: this.id(), name, description: description ?? "", accessRules, isSystem: false, isAssignable: true });
    },
    updateRole: ({ id, ...changes }) => {
      Object.assign(found(this.roles.find((each) => each.id === id)), changes);
    },
    deleteRole: ({ id }) => {
      remove(this.roles, (each) => each.id === id);
      for (const user of this.users) user.roles = user.roles.filter((each) => each !== id);
    },
    getApplications: () => this.applications,
    createApplication: ({ name, description, expiresAt, rateLimit }, { user }) => {
      const application = this.addKey(name, { description: description ?? null, createdById: need(user).id, expiresAt: expiresAt ?? null, rateLimit: rateLimit ?? null });
      return { application, secret: `ck_${application.id}_first` };
    },
    updateApplication: ({ id, ...changes }) => {
      Object.assign(found(this.applications.find((each) => each.id === id)), changes);
    },
    deleteApplication: ({ id }) => {
      if (!remove(this.applications, (each) => each.id === id)) throw new FakeError(404, "NOT_FOUND", "No such key");
    },
    rotateApplicationSecret: ({ id }) => ({ secret: `ck_${id}_second` }),
    revokeApplication: ({ id }) => {
      found(this.applications.find((each) => each.id === id)).revokedAt = new Date();
    },
    getRegistrationStatus: () => ({ allowRegistration: this.allowRegistration }),
    setRegistrationStatus: ({ allowRegistration }) => {
      this.allowRegistration = allowRegistration;
      return { success: true };
    },
    getAuditLog: (input) => {
      const { limit = 20, offset = 0, outcome } = input;
      const asked = this.audit.filter((entry) => outcome === undefined || entry.outcome === outcome);
      return { items: asked.slice(offset, offset + limit), total: asked.length };
    },
  };

  refuseTaken(email: string): void {
    if (this.users.some((each) => each.email === email)) throw new FakeError(409, "CONFLICT", "The address is taken");
  }
}
