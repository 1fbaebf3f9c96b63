import { useImperativeHandle, useRef, type ComponentProps, type Ref } from "react";
import { t } from "@/lib/i18n/t";
import { classes } from "./classes";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";

interface SearchFieldProps extends Omit<ComponentProps<"input">, "onChange" | "value"> {
  ref?: Ref<HTMLInputElement>;
  /** What is searched; it stands in the field while that is empty. */
  label: string;
  value: string;
  onValue: (value: string) => void;
}

/** Narrows a list by what is typed. Clearing it leaves one in the field, to type something else. */
export function SearchField({ ref, label, value, onValue, className, ...input }: SearchFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  useImperativeHandle(ref, () => field.current as HTMLInputElement);
  return (
    <div role="search" aria-label={label} className={classes("relative min-w-0", className)}>
      <Icon name="search" className="pointer-events-none absolute top-2.5 left-3 size-4 text-muted" />
      <input
        {...input}
        ref={field}
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        onChange={(event) => onValue(event.target.value)}
        className="h-9 w-full rounded-lg border border-control bg-canvas pr-9 pl-9 placeholder:text-muted [&::-webkit-search-cancel-button]:hidden"
      />
      {value !== "" && (
        <IconButton
          icon="close"
          label={t("search.clear")}
          className="absolute top-0 right-0"
          onClick={() => {
            onValue("");
            field.current?.focus();
          }}
        />
      )}
    </div>
  );
}
