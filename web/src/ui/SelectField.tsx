import { useId } from "react";
import { classes } from "./classes";

interface SelectFieldProps {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  value: string;
  options: readonly { value: string; text: string }[];
  onValue: (value: string) => void;
  className?: string;
}

/** A labelled choice of one out of many, with its hint and its error: the browser's own list, which every keyboard and screen reader knows. */
export function SelectField({ label, hint, error, value, options, onValue, className }: SelectFieldProps) {
  const id = useId();
  const described = error !== undefined ? `${id}-error` : hint !== undefined ? `${id}-hint` : undefined;
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-medium">
        {label}
      </label>
      <select
        id={id}
        value={value}
        aria-invalid={error !== undefined || undefined}
        aria-describedby={described}
        onChange={(event) => onValue(event.target.value)}
        className={classes("block min-h-10 w-full rounded-lg border bg-surface px-3 text-base", error === undefined ? "border-control" : "border-unhealthy-mark")}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
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
