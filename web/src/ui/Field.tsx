import { useId, type ComponentProps, type ReactNode } from "react";
import { classes } from "./classes";

interface FieldProps extends Omit<ComponentProps<"input">, "id" | "onChange"> {
  label: string;
  hint?: string | undefined;
  /** What is wrong with the value; shown in the place of the hint and read aloud with the field. */
  error?: string | undefined;
  onValue: (value: string) => void;
  /** Stands at the right end of the input. */
  trailing?: ReactNode;
}

/** A labelled text input with its hint and its error. */
export function Field({ label, hint, error, onValue, trailing, className, ...input }: FieldProps) {
  const id = useId();
  const described = error !== undefined ? `${id}-error` : hint !== undefined ? `${id}-hint` : undefined;
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-medium">
        {label}
      </label>
      <div className="relative">
        <input
          {...input}
          id={id}
          aria-invalid={error !== undefined || undefined}
          aria-describedby={described}
          onChange={(event) => onValue(event.target.value)}
          className={classes(
            "block min-h-10 w-full rounded-lg border bg-surface px-3 text-base placeholder:text-muted",
            error === undefined ? "border-control" : "border-unhealthy-mark",
            trailing !== undefined && "pr-18",
          )}
        />
        {trailing !== undefined && <div className="absolute inset-y-0 right-1 flex items-center">{trailing}</div>}
      </div>
      {hint !== undefined && error === undefined && (
        <p id={`${id}-hint`} className="mt-1.5 text-sm text-muted">
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p id={`${id}-error`} className="mt-1.5 text-sm text-unhealthy">
          {error}
        </p>
      )}
    </div>
  );
}
