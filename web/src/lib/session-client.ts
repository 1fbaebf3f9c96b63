import { ApiError, NETWORK_ERROR } from "./api-error";

/** Who is signed in, as `/api/auth/get-session` tells it. */
export interface Session {
  session: { id: string; userId: string; expiresAt: string };
  user: { id: string; name: string; email: string };
}

/** The session endpoints are plain JSON, not procedures: the sign-in of the better-auth browser client. */
export const sessionClient = {
  get: (signal?: AbortSignal) => request<Session | null>("GET", "get-session", undefined, signal),
  signIn: (input: { email: string; password: string }) => request<unknown>("POST", "sign-in/email", input),
  signOut: () => request<unknown>("POST", "sign-out", {}),
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
  throw new ApiError({
    code: text(value, "code") ?? (answer.status === 429 ? "TOO_MANY_REQUESTS" : "UNEXPECTED_ANSWER"),
    status: answer.status,
    message: text(value, "message") ?? answer.statusText,
    correlationId: answer.headers.get("x-correlation-id") ?? undefined,
  });
}

function text(value: unknown, member: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found = (value as Record<string, unknown>)[member];
  return typeof found === "string" ? found : undefined;
}
