import type { Progress } from "./save-system";
import type { SystemValues } from "./system-values";

/** A form of a system that was left because the session ended. */
export interface Draft {
  values: SystemValues;
  progress: Progress;
}

const drafts = new Map<string, Draft>();

/** One form of one person; whoever else signs in at this browser does not meet it. */
export const draftKey = (userId: string, systemId: string | undefined, configurationId: string | undefined) => JSON.stringify([userId, systemId, configurationId]);

/** Keeps a draft for as long as the page is not loaded anew. */
export function keepDraft(key: string, draft: Draft): void {
  drafts.set(key, draft);
}

/** Gives a draft back, once. */
export function takeDraft(key: string): Draft | undefined {
  const draft = drafts.get(key);
  drafts.delete(key);
  return draft;
}
