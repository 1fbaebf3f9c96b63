import * as Radix from "@radix-ui/react-switch";
import { useId } from "react";

interface SwitchProps {
  label: string;
  /** False where the words beside it already say what it is for; the label is then only read aloud. */
  showLabel?: boolean;
  hint?: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
}

/** On or off, at once. The knob's place tells the state, not its colour alone. */
export function Switch({ label, showLabel = true, hint, checked, disabled = false, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div className="flex items-start gap-3">
      <Radix.Root
        id={id}
        checked={checked}
        disabled={disabled}
        onCheckedChange={onChange}
        aria-label={showLabel ? undefined : label}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        className="inline-flex h-6 w-10 shrink-0 items-center rounded-full border border-control bg-hover px-0.5 transition-colors data-[state=checked]:border-accent data-[state=checked]:bg-accent disabled:opacity-60"
      >
        <Radix.Thumb className="size-4.5 rounded-full bg-control transition-transform data-[state=checked]:translate-x-4 data-[state=checked]:bg-on-accent" />
      </Radix.Root>
      {showLabel && (
        <div className="min-w-0">
          <label htmlFor={id} className="block font-medium">
            {label}
          </label>
          {hint !== undefined && (
            <p id={`${id}-hint`} className="text-sm text-muted">
              {hint}
            </p>
          )}
        </div>
      )}
    </div>
  );
}
