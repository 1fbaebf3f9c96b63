import type { ComponentProps } from "react";
import { classes } from "./classes";

/** A plain sheet to put content on. */
export function Surface({ className, ...rest }: ComponentProps<"div">) {
  return <div {...rest} className={classes("rounded-xl border border-line bg-surface", className)} />;
}
