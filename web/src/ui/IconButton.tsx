import type { ComponentProps } from "react";
import { classes } from "./classes";
import { Icon, type IconName } from "./Icon";

interface IconButtonProps extends ComponentProps<"button"> {
  icon: IconName;
  /** What it does: read aloud, and shown on hover. */
  label: string;
}

export function IconButton({ icon, label, className, ...rest }: IconButtonProps) {
  return (
    <button {...rest} type="button" aria-label={label} title={label} className={classes("inline-flex size-9 shrink-0 items-center justify-center rounded-lg text-muted hover:bg-hover hover:text-text", className)}>
      <Icon name={icon} className="size-4.5" />
    </button>
  );
}
