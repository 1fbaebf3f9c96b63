import { locale } from "./i18n/locale";
import { t } from "./i18n/t";

/** Seconds are told in steps: a page that counted them one by one would never be still. */
const STEP = 10;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long" });
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const lasting = (unit: string) => new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short" });
const durations = { second: lasting("second"), minute: lasting("minute"), hour: lasting("hour"), day: lasting("day") };
const tenths = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

interface Age {
  count: number;
  unit: keyof typeof durations;
}

/** How old an instant is, in the unit that fits; undefined once a week has passed. A clock that runs ahead makes nothing younger than now. */
function age(at: Date, now: Date): Age | undefined {
  const seconds = Math.max(0, (now.getTime() - at.getTime()) / 1000);
  if (seconds < MINUTE) return { count: Math.floor(seconds / STEP) * STEP, unit: "second" };
  if (seconds < HOUR) return { count: Math.floor(seconds / MINUTE), unit: "minute" };
  if (seconds < DAY) return { count: Math.floor(seconds / HOUR), unit: "hour" };
  if (seconds < 7 * DAY) return { count: Math.floor(seconds / DAY), unit: "day" };
  return undefined;
}

/** "now", "20 sec. ago", "5 min. ago", "3 hr. ago", "2 days ago"; the date once a week has passed. */
export function relativeTime(at: Date, now: Date): string {
  const { count, unit } = age(at, now) ?? {};
  return count === undefined || unit === undefined ? day.format(at) : relative.format(-count, unit);
}

/** How long something that began then has lasted: "just now", "for 5 min", "for 2 days", "since Mar 2, 2026". */
export function sinceTime(at: Date, now: Date): string {
  const { count, unit } = age(at, now) ?? {};
  if (count === undefined || unit === undefined) return t("time.since", { date: day.format(at) });
  return count === 0 ? t("time.justNow") : t("time.for", { duration: durations[unit].format(count) });
}

/** "Mar 2, 2026". */
export function date(at: Date): string {
  return day.format(at);
}

export function exactTime(at: Date): string {
  return exact.format(at);
}

/** "1.5 ms", "84 ms" below a second, "1.2 s" from there on. */
export function latency(milliseconds: number): string {
  if (milliseconds < 10) return `${tenths.format(milliseconds)} ms`;
  return milliseconds < 1000 ? `${whole.format(milliseconds)} ms` : `${tenths.format(milliseconds / 1000)} s`;
}

/** A count in a badge: nobody reads the digits beyond 99. */
export function badgeCount(count: number): string {
  return count > 99 ? "99+" : String(count);
}
