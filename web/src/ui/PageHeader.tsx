import type { ReactNode } from "react";
import { PageTitle } from "./PageTitle";

interface PageHeaderProps {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
}

/** The head of a page: its one first heading, and what can be done with the page as a whole. */
export function PageHeader({ title, lead, actions }: PageHeaderProps) {
  return (
    <header className="mb-5 flex flex-wrap items-start justify-between gap-x-4 gap-y-3">
      <PageTitle text={title} />
      <div className="min-w-0">
        <h1 className="text-xl font-semibold tracking-tight text-balance">{title}</h1>
        {lead !== undefined && <div className="mt-1 text-muted">{lead}</div>}
      </div>
      {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  );
}
