import { classes } from "./classes";

export type ButtonTone = "primary" | "plain" | "quiet" | "danger";

const tones: Record<ButtonTone, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-hover",
  plain: "bg-surface text-text border border-line hover:bg-hover",
  quiet: "text-muted hover:bg-hover hover:text-text",
  danger: "bg-surface text-unhealthy border border-line hover:bg-unhealthy-soft",
};

/** The look of a button, for buttons and for links that act like one. */
export function buttonStyle(tone: ButtonTone = "plain", small = false): string {
  return classes(
    "inline-flex items-center justify-center gap-1.5 rounded-lg font-medium whitespace-nowrap transition-colors disabled:opacity-60 aria-disabled:opacity-60",
    small ? "min-h-8 px-2.5 text-sm" : "min-h-9 px-3.5 text-base",
    tones[tone],
  );
}
