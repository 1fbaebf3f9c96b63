import type { ComponentProps } from "react";
import { buttonStyle, type ButtonTone } from "./button-style";
import { classes } from "./classes";

interface ButtonProps extends ComponentProps<"button"> {
  tone?: ButtonTone;
  small?: boolean;
  /** The call this button made is under way: it stays focused, says so, and a second press does nothing. */
  busy?: boolean;
}

export function Button({ tone, small, busy = false, className, onClick, type = "button", ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
      className={classes(buttonStyle(tone, small), busy && "pulse", className)}
    />
  );
}
