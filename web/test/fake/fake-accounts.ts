import type { Output } from "../../src/lib/client.ts";
import type { FakePeople, FakeUser } from "./fake-people.ts";
import { FakeError, need } from "./fake-tools.ts";

export interface FakeSession {
  id: string;
  token: string;
  userId: string;
  userAgent: string;
  ipAddress: string;
  createdAt: Date;
}

interface Answer {
  status?: number;
  value: unknown;
  /** What the cookie holds from now on; null clears it. */
  cookie?: string | null;
}

type Endpoint = (input: Record<string, unknown>, token: string | undefined) => Answer;

/** The code of every authenticator app, and a recovery code of everybody's. */
export const CODE = "123456";
export const RECOVERY_CODE = "aaaa-1111";

const BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/** The session endpoints of the fake server: signing in and out, passwords, sessions and the second factor. */
export class FakeAccounts {
  readonly sessions: FakeSession[] = [];
  /** Links that were sent, by their token. */
  readonly resetTokens = new Map<string, { email: string; expired: boolean }>();

  private readonly people: FakePeople;
  private readonly id: () => string;
  /** Sign-ins that wait for a code, by what their cookie holds. */
  private readonly waiting = new Map<string, FakeUser>();

  constructor(people: FakePeople, id: () => string) {
    this.people = people;
    this.id = id;
  }

  open(user: FakeUser, more: Partial<FakeSession> = {}): FakeSession {
    const id = this.id();
    const session = { id, token: `token-${id}`, userId: user.id, userAgent: BROWSER, ipAddress: "192.0.2.7", createdAt: new Date(), ...more };
    this.sessions.push(session);
    return session;
  }

  endAll(): void {
    this.sessions.length = 0;
  }

  userOf(token: string | undefined): FakeUser | undefined {
    const session = this.sessions.find((each) => each.token === token);
    return session && this.people.users.find((each) => each.id === session.userId);
  }

  judgeResetToken(token: string): Output<"auth", "validateResetToken"> {
    const known = this.resetTokens.get(token);
    if (!known) return { valid: false, reason: "invalid" };
    return known.expired ? { valid: false, reason: "expired" } : { valid: true };
  }

  has(endpoint: string): boolean {
    return Object.hasOwn(this.endpoints, endpoint);
  }

  handle(endpoint: string, input: Record<string, unknown>, token: string | undefined): Answer {
    const handler = this.endpoints[endpoint];
    if (!handler) throw new FakeError(404, "NOT_FOUND", "No such endpoint");
    return handler(input, token);
  }

  private readonly endpoints: Record<string, Endpoint> = {
    "get-session": (_, token) => {
      const user = this.userOf(token);
      const session = this.sessions.find((each) => each.token === token);
      if (!user || !session) return { value: null };
      const { id, name, email, secondFactor } = user;
      return { value: { session: { id: session.id, userId: id, expiresAt: new Date(Date.now() + 6e8).toISOString() }, user: { id, name, email, twoFactorEnabled: secondFactor } } };
    },
    "sign-in/email": ({ email, password }) => {
      const user = this.people.users.find((each) => each.email === email && each.password === password);
      if (!user) throw new FakeError(401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password");
      if (!user.secondFactor) return this.signedIn(user);
      const cookie = `waiting-${this.id()}`;
      this.waiting.set(cookie, user);
      return { value: { twoFactorRedirect: true }, cookie };
    },
    "sign-up/email": ({ name, email, password }) => {
      if (!this.people.allowRegistration) throw new FakeError(400, "EMAIL_PASSWORD_SIGN_UP_DISABLED", "Sign up is not enabled");
      if (this.people.users.some((each) => each.email === email)) throw new FakeError(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", "User already exists. Use another email.");
      return this.signedIn(this.people.add({ name: String(name), email: String(email), password: String(password), rules: [] }));
    },
    "sign-out": (_, token) => {
      this.keep((each) => each.token !== token);
      return { value: { success: true }, cookie: null };
    },
    "change-password": ({ currentPassword, newPassword, revokeOtherSessions }, token) => {
      const user = this.confirm(token, currentPassword);
      if (/^password/i.test(String(newPassword))) throw new FakeError(400, "PASSWORD_TOO_COMMON", "This password is too common");
      user.password = String(newPassword);
      if (revokeOtherSessions === true) this.keep((each) => each.userId !== user.id || each.token === token);
      return { value: { token: null, user: { id: user.id } } };
    },
    "request-password-reset": ({ email }) => {
      if (this.people.users.some((each) => each.email === email)) this.resetTokens.set(`reset-${this.id()}`, { email: String(email), expired: false });
      return { value: { status: true, message: "If this email exists in our system, check your email for the reset link" } };
    },
    "reset-password": ({ token: link, newPassword }) => {
      const known = this.resetTokens.get(String(link));
      const user = this.people.users.find((each) => each.email === known?.email);
      if (!known || known.expired || !user) throw new FakeError(400, "INVALID_TOKEN", "Invalid token");
      user.password = String(newPassword);
      this.resetTokens.delete(String(link));
      this.keep((each) => each.userId !== user.id);
      return { value: { status: true } };
    },
    "list-sessions": (_, token) => {
      const user = need(this.userOf(token));
      const mine = this.sessions.filter((each) => each.userId === user.id);
      return { value: mine.map(({ id, userAgent, ipAddress, createdAt }) => ({ id, userAgent, ipAddress, createdAt: createdAt.toISOString(), updatedAt: createdAt.toISOString(), expiresAt: new Date(Date.now() + 6e8).toISOString() })) };
    },
    "revoke-session": ({ token: id }, token) => {
      const user = need(this.userOf(token));
      this.keep((each) => each.id !== id || each.userId !== user.id);
      return { value: { status: true } };
    },
    "revoke-other-sessions": (_, token) => {
      const user = need(this.userOf(token));
      this.keep((each) => each.userId !== user.id || each.token === token);
      return { value: { status: true } };
    },
    "two-factor/enable": ({ password }, token) => {
      const user = this.confirm(token, password);
      return { value: { totpURI: `otpauth://totp/Watchbell:${encodeURIComponent(user.email)}?secret=JBSWY3DPEHPK3PXP&issuer=Watchbell&digits=6&period=30`, backupCodes: this.codes(1) } };
    },
    "two-factor/verify-totp": ({ code }, token) => {
      if (code !== CODE) throw new FakeError(401, "INVALID_CODE", "Invalid code");
      const user = this.userOf(token);
      if (!user) return this.letIn(token);
      user.secondFactor = true;
      return { value: { token, user: { id: user.id } } };
    },
    "two-factor/verify-backup-code": ({ code }, token) => {
      if (code !== RECOVERY_CODE) throw new FakeError(401, "INVALID_BACKUP_CODE", "Invalid backup code");
      return this.letIn(token);
    },
    "two-factor/disable": ({ password }, token) => {
      this.confirm(token, password).secondFactor = false;
      return { value: { status: true } };
    },
    "two-factor/generate-backup-codes": ({ password }, token) => {
      this.confirm(token, password);
      return { value: { status: true, backupCodes: this.codes(2) } };
    },
  };

  private signedIn(user: FakeUser): Answer {
    return { value: { redirect: false, user: { id: user.id } }, cookie: this.open(user).token };
  }

  private letIn(token: string | undefined): Answer {
    const user = this.waiting.get(token ?? "");
    if (!user) throw new FakeError(401, "INVALID_TWO_FACTOR_COOKIE", "Invalid two factor cookie");
    this.waiting.delete(token ?? "");
    return this.signedIn(user);
  }

  private confirm(token: string | undefined, password: unknown): FakeUser {
    const user = need(this.userOf(token));
    if (password !== user.password) throw new FakeError(400, "INVALID_PASSWORD", "Invalid password");
    return user;
  }

  private codes(round: number): string[] {
    return Array.from({ length: 10 }, (_, at) => `code${String(round)}-${String(at)}`);
  }

  private keep(which: (session: FakeSession) => boolean): void {
    const left = this.sessions.filter(which);
    this.sessions.length = 0;
    this.sessions.push(...left);
  }
}
