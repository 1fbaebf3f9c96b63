import { locale } from "./i18n/locale";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long" });
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

/** "now", "5 min. ago", "3 hr. ago", "2 days ago"; the date once a week has passed. A clock that runs ahead reads as now. */
export function relativeTime(at: Date, now: Date): string {
  const seconds = Math.max(0, (now.getTime() - at.getTime()) / 1000);
  if (seconds < MINUTE) return relative.format(0, "second");
  if (seconds < HOUR) return relative.format(-Math.floor(seconds / MINUTE), "minute");
  if (seconds < DAY) return relative.format(-Math.floor(seconds / HOUR), "hour");
  if (seconds < 7 * DAY) return relative.format(-Math.floor(seconds / DAY), "day");
  return day.format(at);
}

export function exactTime(at: Date): string {
  return exact.format(at);
}

/** "84 ms" below a second, "1.2 s" from there on. */
export function latency(milliseconds: number): string {
  return milliseconds < 1000 ? `${whole.format(milliseconds)} ms` : `${tenths.format(milliseconds / 1000)} s`;
}

/** A count in a badge: nobody reads the digits beyond 99. */
export function badgeCount(count: number): string {
  return count > 99 ? "99+" : String(count);
}
