import type { Notification } from "./queries";

/** As many letters as the server searches for. */
export const MOST_SEARCHED = 100;

/** What is searched for when this was typed, or stands in the address. */
export function searchable(text: string): string {
  // Half of a character of two is none that could be sent.
  return text.trim().slice(0, MOST_SEARCHED).replace(/[\uD800-\uDBFF]$/, "").trimEnd();
}

/** Whether the server would find it. (Its idea of upper and lower case may differ in languages far from ours.) */
export function holds({ title, body }: Notification, search: string): boolean {
  return [title, body].some((text) => text.toLowerCase().includes(search.toLowerCase()));
}
