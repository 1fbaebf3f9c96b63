import { t } from "@/lib/i18n/later";
import { integer } from "@/lib/validate";
import type { Channel } from "./queries";

/** What is typed about when a channel may speak. */
export interface TypedTimes extends Record<string, string | boolean> {
  digest: string;
  quiet: boolean;
  from: string;
  to: string;
  timeZone: string;
}

/** Minutes that messages are collected; other numbers come from the API, and are kept. */
const DIGESTS = [0, 5, 15, 30, 60, 240, 1440];

export function digestOptions(stored: number): { value: string; text: string }[] {
  const all = DIGESTS.includes(stored) ? DIGESTS : [...DIGESTS, stored].sort((a, b) => a - b);
  return all.map((minutes) => ({ value: String(minutes), text: textOf(minutes) }));
}

function textOf(minutes: number): string {
  if (minutes === 0) return t("times.atOnce");
  if (minutes === 1440) return t("times.daily");
  return minutes % 60 === 0 ? t("times.everyHours", { count: minutes / 60 }) : t("times.everyMinutes", { count: minutes });
}

/** The zone this browser is in. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export function timesOf({ digestMinutes, quietHours }: Channel): TypedTimes {
  return {
    digest: String(digestMinutes),
    quiet: quietHours !== undefined,
    from: quietHours?.from ?? "22:00",
    to: quietHours?.to ?? "07:00",
    timeZone: quietHours?.timeZone ?? ownZone(),
  };
}

/** Hours that are off are judged by nobody. */
export function mistakesOf({ quiet, from, to, timeZone, digest }: TypedTimes): Partial<Record<keyof TypedTimes, string | undefined>> {
  const time = (text: string) => (/^([01]\d|2[0-3]):[0-5]\d$/.test(text) ? undefined : t("times.notATime"));
  return {
    digest: integer(digest, 0, 1440),
    ...(quiet && { from: time(from), to: time(to) ?? (from === to ? t("times.sameTime") : undefined), timeZone: isZone(timeZone.trim()) ? undefined : t("times.notAZone") }),
  };
}

function isZone(name: string): boolean {
  try {
    return name !== "" && new Intl.DateTimeFormat("en", { timeZone: name }).format() !== "";
  } catch {
    return false;
  }
}

/** What to send: null takes the quiet hours away. */
export function preferenceOf({ digest, quiet, from, to, timeZone }: TypedTimes) {
  return { digestMinutes: Number(digest), quietHours: quiet ? { from, to, timeZone: timeZone.trim() } : null };
}

export function toldTimes({ digestMinutes, quietHours }: Channel): string {
  const digest = textOf(digestMinutes);
  return quietHours === undefined ? digest : t("times.summary", { digest, from: quietHours.from, to: quietHours.to });
}

/** Why a message that is not critical is not sent over a channel at once; undefined when it is. */
export function heldBy({ digestMinutes, quietHours }: Channel, now: Date): string | undefined {
  if (quietHours !== undefined && isWithin(quietHours, now)) return t("times.quietUntil", { to: quietHours.to, zone: quietHours.timeZone });
  return digestMinutes === 0 ? undefined : textOf(digestMinutes);
}

/** Hours that end before they begin go over midnight; those of a zone that this browser does not know are not judged. */
function isWithin({ from, to, timeZone }: NonNullable<Channel["quietHours"]>, now: Date): boolean {
  if (!isZone(timeZone)) return false;
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone }).format(now);
  return from < to ? from <= clock && clock < to : from <= clock || clock < to;
}
