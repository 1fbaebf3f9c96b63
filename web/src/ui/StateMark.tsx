import { t } from "@/lib/i18n/t";
import { classes } from "./classes";

/** Each state has a shape of its own, so that none is told by colour alone. */
const looks = {
  healthy: {
    tone: "text-healthy",
    shape: (
      <>
        <circle cx="8" cy="8" r="7" className="fill-healthy-mark" />
        <path d="m4.8 8.3 2.2 2.2 4.2-4.7" className="stroke-surface" />
      </>
    ),
  },
  degraded: {
    tone: "text-degraded",
    shape: (
      <>
        <path d="M8 1.3 15.2 14.200H.8L8 1.300Z" className="fill-degraded-mark" />
        <path d="M8 6v3.600M8 11.900v.1" className="stroke-surface" />
      </>
    ),
  },
  unhealthy: {
    tone: "text-unhealthy",
    shape: (
      <>
        <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5l4-4Z" className="fill-unhealthy-mark" />
        <path d="m5.6 5.6 4.8 4.800M10.4 5.600l-4.8 4.8" className="stroke-surface" />
      </>
    ),
  },
  unknown: {
    tone: "text-unknown",
    shape: <circle cx="8" cy="8" r="6.2" className="fill-none stroke-unknown-mark" strokeDasharray="2.6 2.270" />,
  },
} as const;

interface StateMarkProps {
  state: keyof typeof looks;
  wordless?: boolean;
  className?: string;
}

/** A state by shape and word. */
export function StateMark({ state, wordless = false, className }: StateMarkProps) {
  const { tone, shape } = looks[state];
  return (
    <span className={classes("inline-flex items-center gap-2 align-top font-medium whitespace-nowrap", tone, className)}>
      <svg viewBox="0 0 16 16" className="size-4 shrink-0 fill-none" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
        {shape}
      </svg>
      <span className={classes(wordless && "sr-only")}>{t(`state.${state}`)}</span>
    </span>
  );
}
