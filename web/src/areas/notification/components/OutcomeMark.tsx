import { t } from "@/lib/i18n/later";
import { classes } from "@/ui/classes";

const looks = {
  delivered: { tone: "text-healthy", shape: <path d="m3.5 8.5 3 3 6-7" /> },
  pending: { tone: "text-muted", shape: <path d="M8 4.5v3.8l2.3 1.4M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z" /> },
  failed: { tone: "text-unhealthy", shape: <path d="m4.5 4.5 7 7M11.5 4.5l-7 7" /> },
} as const;

/** What became of a delivery or a try, by shape and word. `said` takes the place of the word where more is to be told. */
export function OutcomeMark({ outcome, said }: { outcome: keyof typeof looks; said?: string }) {
  const { tone, shape } = looks[outcome];
  return (
    <span className={classes("inline-flex items-center gap-1.5 font-medium", tone)}>
      <svg viewBox="0 0 16 16" className="size-3.5 shrink-0" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
        {shape}
      </svg>
      {said ?? t(`outcome.${outcome}`)}
    </span>
  );
}
