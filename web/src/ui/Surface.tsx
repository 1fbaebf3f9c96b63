import type { ReactNode } from "react";

/** A plain sheet to put content on. */
export function Surface({ children, className = "" }: { children: ReactNode; className?: string }) {
  return <div className={`rounded-xl border border-line bg-surface ${className}`}>{children}</div>;
}
