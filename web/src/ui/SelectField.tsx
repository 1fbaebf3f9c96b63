import { useId } from "react";
import { classes } from "./classes";

interface SelectFieldProps {
  label: string;
  error?: string | undefined;
  value: string;
  options: readonly { value: string; text: string }[];
  onValue: (value: string) => void;
  className?: string;
}

/** A labelled choice of one out of many: the browser's own list, which every keyboard and screen reader knows. */
export function SelectField({ label, error, value, options, onValue, className }: SelectFieldProps) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-medium">
        {label}
      </label>
      <select
        id={id}
        value={value}
        aria-invalid={error !== undefined || undefined}
        aria-describedby={error === undefined ? undefined : `${id}-error`}
        onChange={(event) => onValue(event.target.value)}
        className={classes("block min-h-10 w-full rounded-lg border bg-surface px-3 text-base", error === undefined ? "border-control" : "border-unhealthy-mark")}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
      {error !== undefined && (
        <p id={`${id}-error`} className="mt-1.5 text-sm text-unhealthy">
          {error}
        </p>
      )}
    </div>
  );
}
