import { StateMark } from "@/ui/StateMark";
import type { State } from "@/areas/healthcheck/queries";
import { states } from "@/areas/healthcheck/states";
import { t } from "@/lib/i18n/t";
import { classes } from "@/ui/classes";

interface StateFilterProps {
  counts: Record<State, number>;
  chosen: State | undefined;
  onChoose: (state: State | undefined) => void;
}

/** How many systems are in each state; pressing one shows only those, pressing it again shows all. */
export function StateFilter({ counts, chosen, onChoose }: StateFilterProps) {
  const total = states.reduce((sum, state) => sum + counts[state], 0);
  const look = (pressed: boolean) =>
    classes(
      "inline-flex min-h-9 items-center gap-2 rounded-lg border px-3 transition-colors max-sm:min-h-8 max-sm:px-2.5 max-sm:text-sm",
      pressed ? "border-accent bg-accent-soft" : "border-line bg-surface hover:bg-hover",
    );
  return (
    <div role="group" aria-label={t("systems.filter")} className="flex flex-wrap gap-2">
      <button type="button" aria-pressed={chosen === undefined} className={look(chosen === undefined)} onClick={() => onChoose(undefined)}>
        <span className="font-medium">{t("systems.all")}</span>
        <span className="text-muted tabular-nums">{total}</span>
      </button>
      {states
        // A state nobody is in takes no place, unless it is the one being shown.
        .filter((state) => counts[state] > 0 || chosen === state)
        .map((state) => (
          <button key={state} type="button" aria-pressed={chosen === state} className={look(chosen === state)} onClick={() => onChoose(chosen === state ? undefined : state)}>
            <StateMark state={state} />
            <span className="text-muted tabular-nums">{counts[state]}</span>
          </button>
        ))}
    </div>
  );
}
