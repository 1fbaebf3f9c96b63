/** One thing the server found wrong with an input. */
export interface Issue {
  /** Where in the input, such as `data.name`; empty for the input as a whole. */
  path: string;
  message: string;
}

export interface ApiErrorOptions {
  code: string;
  status: number;
  message: string;
  correlationId?: string | undefined;
  issues?: Issue[];
}

/** The code of an ApiError that never reached the server, or never came back. */
export const NETWORK_ERROR = "NETWORK";

/** Every failed call ends in one of these, whichever way it went to the server. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The id under which the server logged the failure: what a person quotes when asking for help. */
  readonly correlationId: string | undefined;
  readonly issues: readonly Issue[];

  constructor({ code, status, message, correlationId, issues }: ApiErrorOptions) {
    super(message);
    this.code = code;
    this.status = status;
    this.correlationId = correlationId;
    this.issues = issues ?? [];
  }
}

/** True when trying again later may help: no answer, a busy server, or a fault on its side. */
export function isTransient(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 408 || error.status === 429 || error.status >= 500);
}

/** Reads the issue list out of an error's free-form `data`; anything that has not its shape is skipped. */
export function issuesOf(data: unknown): Issue[] {
  if (typeof data !== "object" || data === null || !("issues" in data) || !Array.isArray(data.issues)) return [];
  return data.issues.flatMap((issue: unknown) => {
    if (typeof issue !== "object" || issue === null || !("message" in issue) || typeof issue.message !== "string") return [];
    const path = "path" in issue && Array.isArray(issue.path) ? issue.path.map(String).join(".") : "";
    return [{ path, message: issue.message }];
  });
}

/** The field of a form an issue is about: the last part of its path that is one, since inputs may nest (`data.name`). */
export function fieldOf(issue: Issue, fields: readonly string[]): string | undefined {
  return issue.path.split(".").findLast((part) => fields.includes(part));
}
