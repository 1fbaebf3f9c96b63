/** Free-form values of the contract, read member by member. */
export type FreeForm = Record<string, unknown>;

export function asRecord(value: unknown): FreeForm {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as FreeForm) : {};
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
