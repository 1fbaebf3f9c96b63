import { ApiError, NETWORK_ERROR, type Issue } from "./api-error";

/** Who is signed in, as `/api/auth/get-session` tells it. */
export interface Session {
  session: { id: string; userId: string; expiresAt: string };
  user: { id: string; name: string; email: string; twoFactorEnabled?: boolean };
}

/** One place where somebody is signed in. Its handle ends it, and opens nothing. */
export interface OpenSession {
  id: string;
  token?: string;
  createdAt: string;
  updatedAt: string;
  expiresAt: string;
  ipAddress?: string | null;
  userAgent?: string | null;
}

/** The session endpoints are plain JSON, not procedures: those of the better-auth browser client. */
export const sessionClient = {
  get: (signal?: AbortSignal) => request<Session | null>("GET", "get-session", undefined, signal),
  signIn: (input: { email: string; password: string }) => request<{ twoFactorRedirect?: boolean }>("POST", "sign-in/email", input),
  signUp: (input: { name: string; email: string; password: string }) => request<unknown>("POST", "sign-up/email", input),
  signOut: () => request<unknown>("POST", "sign-out", {}),
  changePassword: (input: { currentPassword: string; newPassword: string; revokeOtherSessions: boolean }) => request<unknown>("POST", "change-password", input),
  requestPasswordReset: (input: { email: string; redirectTo: string }) => request<unknown>("POST", "request-password-reset", input),
  resetPassword: (input: { token: string; newPassword: string }) => request<unknown>("POST", "reset-password", input),
  list: (signal?: AbortSignal) => request<OpenSession[]>("GET", "list-sessions", undefined, signal),
  revoke: ({ id, token = id }: OpenSession) => request<unknown>("POST", "revoke-session", { token }),
  revokeOthers: () => request<unknown>("POST", "revoke-other-sessions", {}),
  enableSecondFactor: (input: { password: string }) => request<{ totpURI: string; backupCodes: string[] }>("POST", "two-factor/enable", input),
  verifyCode: (input: { code: string }) => request<unknown>("POST", "two-factor/verify-totp", input),
  verifyRecoveryCode: (input: { code: string }) => request<unknown>("POST", "two-factor/verify-backup-code", input),
  disableSecondFactor: (input: { password: string }) => request<unknown>("POST", "two-factor/disable", input),
  makeRecoveryCodes: (input: { password: string }) => request<{ backupCodes: string[] }>("POST", "two-factor/generate-backup-codes", input),
};

async function request<T>(method: "GET" | "POST", endpoint: string, body?: object, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(`${window.location.origin}/api/auth/${endpoint}`, {
      method,
      credentials: "include",
      ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (error instanceof TypeError) throw new ApiError({ code: NETWORK_ERROR, status: 0, message: error.message });
    throw error;
  }
  const value: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) return value as T;
  const code = text(value, "code") ?? (answer.status === 429 ? "TOO_MANY_REQUESTS" : "UNEXPECTED_ANSWER");
  const message = text(value, "message") ?? answer.statusText;
  throw new ApiError({ code, status: answer.status, message, correlationId: answer.headers.get("x-correlation-id") ?? undefined, issues: issuesOf(code, message, body ?? {}) });
}

/** Which member of the input a code is about, the first that the input has. These endpoints name none but in a sentence. */
const MEMBERS: [code: RegExp, members: string[]][] = [
  [/^INVALID_PASSWORD$/, ["currentPassword", "password"]],
  [/^PASSWORD_/, ["newPassword", "password"]],
  [/^INVALID_EMAIL$|^USER_ALREADY_EXISTS/, ["email"]],
  [/^INVALID_(BACKUP_)?CODE$/, ["code"]],
];

function issuesOf(code: string, message: string, body: object): Issue[] {
  const named = /^\[body\.(\w+)\] (.*)$/s.exec(message);
  if (named) return [{ path: named[1] ?? "", message: named[2] ?? "" }];
  const path = MEMBERS.find(([about]) => about.test(code))?.[1].find((member) => member in body);
  return path === undefined ? [] : [{ path, message }];
}

function text(value: unknown, member: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found = (value as Record<string, unknown>)[member];
  return typeof found === "string" ? found : undefined;
}
