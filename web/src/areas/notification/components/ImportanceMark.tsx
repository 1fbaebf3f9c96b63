import { t } from "@/lib/i18n/t";
import { classes } from "@/ui/classes";
import type { Notification } from "../queries";

const looks = {
  info: { tone: "text-muted", shape: <circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" strokeWidth="1.5" /> },
  warning: { tone: "text-degraded", shape: <path d="M8 2.5 14.2 13.2H1.8L8 2.5Z" className="fill-degraded-mark" /> },
  critical: { tone: "text-unhealthy", shape: <path d="M5.3 2h5.4L14 5.3v5.4L10.7 14H5.3L2 10.7V5.3L5.3 2Z" className="fill-unhealthy-mark" /> },
} as const;

/** How much a notification matters, by shape and word. */
export function ImportanceMark({ importance, wordless = false }: { importance: Notification["importance"]; wordless?: boolean }) {
  const { tone, shape } = looks[importance];
  return (
    <span className={classes("inline-flex items-center gap-1.5 text-sm font-medium whitespace-nowrap", tone)}>
      <svg viewBox="0 0 16 16" className="size-3.5 shrink-0" aria-hidden="true">
        {shape}
      </svg>
      <span className={classes(wordless && "sr-only")}>{t(`importance.${importance}`)}</span>
    </span>
  );
}
