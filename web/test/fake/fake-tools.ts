/** A refusal of the fake server. */
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

/** The notification group of a system. */
export const groupOf = (systemId: string) => `catalog.system.${systemId}`;

/** Somebody must be signed in. */
export function need<T>(value: T | undefined): T {
  if (value === undefined) throw new FakeError(401, "UNAUTHORIZED", "Sign in first");
  return value;
}

/** What must be there. */
export function found<T>(value: T | undefined): T {
  if (value === undefined) throw new FakeError(404, "NOT_FOUND", "No such thing");
  return value;
}

export function remove<T>(from: T[], which: (each: T) => boolean): boolean {
  const before = from.length;
  for (let at = from.length - 1; at >= 0; at--) {
    const each = from[at];
    if (each !== undefined && which(each)) from.splice(at, 1);
  }
  return from.length < before;
}
