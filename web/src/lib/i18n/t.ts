import { en } from "./en";
import { translator } from "./translator";

/** The texts that are there from the first page on. */
export const t = translator(en);
