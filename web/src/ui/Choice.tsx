import { useId } from "react";
import { classes } from "./classes";

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; text: string }[];
  onChange: (value: T) => void;
}

/** One of a few, all in sight: radio buttons drawn as one control; arrow keys move. */
export function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset className="inline-flex rounded-lg border border-line bg-canvas p-0.5">
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          className={classes(
            "relative flex min-h-8 items-center rounded-md px-3 text-sm font-medium has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent-text",
            option.value === value ? "bg-raised text-text shadow-[0_0_0_1px_var(--color-line)]" : "text-muted hover:text-text",
          )}
        >
          <input type="radio" name={name} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)} className="sr-only" />
          {option.text}
        </label>
      ))}
    </fieldset>
  );
}
