import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

interface EmptyStateProps {
  icon: IconName;
  title: string;
  text?: string;
  /** It stands for the whole page, so its title is the page's first heading. */
  page?: boolean;
  /** The first thing to do about it. */
  children?: ReactNode;
}

/** What stands where there is nothing yet: says so, and offers the first step. */
export function EmptyState({ icon, title, text, page = false, children }: EmptyStateProps) {
  return (
    <div className="flex flex-col items-center px-6 py-12 text-center">
      <div className="mb-4 flex size-11 items-center justify-center rounded-full bg-hover text-muted">
        <Icon name={icon} className="size-5" />
      </div>
      {page ? <h1 className="max-w-full text-base font-semibold wrap-anywhere">{title}</h1> : <p className="max-w-full font-semibold wrap-anywhere">{title}</p>}
      {text !== undefined && <p className="mt-1 max-w-[26rem] text-muted">{text}</p>}
      {children !== undefined && <div className="mt-5 flex flex-wrap justify-center gap-2">{children}</div>}
    </div>
  );
}
