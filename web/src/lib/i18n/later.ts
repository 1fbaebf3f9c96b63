import { en } from "./en";
import { later } from "./en-later";
import { translator } from "./translator";

/** All texts, for the pages that are fetched after the first one: a part of the first page that used this would make it heavier. */
export const t = translator({ ...en, ...later });

export type MessageKey = Parameters<typeof t>[0];
