import { useId, type ReactNode } from "react";
import { Surface } from "./Surface";

interface SectionProps {
  title: string;
  hint?: string;
  /** Stands at the right of the title. */
  actions?: ReactNode;
  children: ReactNode;
}

/** A titled part of a page, its content on a surface of its own. */
export function Section({ title, hint, actions, children }: SectionProps) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="mt-8">
      <div className="mb-3 flex flex-wrap items-end justify-between gap-x-4 gap-y-2">
        <div>
          <h2 id={id} className="text-lg font-semibold">
            {title}
          </h2>
          {hint !== undefined && <p className="text-sm text-muted">{hint}</p>}
        </div>
        {actions}
      </div>
      <Surface>{children}</Surface>
    </section>
  );
}
