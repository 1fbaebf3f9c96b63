import type { ReactNode } from "react";
import { t } from "@/lib/i18n/t";
import { PageTitle } from "@/ui/PageTitle";
import { Surface } from "@/ui/Surface";

interface AuthCardProps {
  title: string;
  lead: string;
  children: ReactNode;
}

/** The one sheet of the pages before signing in. */
export function AuthCard({ title, lead, children }: AuthCardProps) {
  return (
    <main className="flex min-h-dvh flex-col items-center px-4 pt-[12vh] pb-12">
      <PageTitle text={title} />
      <div className="mb-6 flex items-center gap-2.5 text-lg font-semibold tracking-tight">
        <img src="/favicon.svg" alt="" width="28" height="28" />
        {t("app.name")}
      </div>
      <Surface className="w-full max-w-[25rem] p-6 sm:p-8">
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        <p className="mt-1 mb-6 text-muted">{lead}</p>
        {children}
      </Surface>
    </main>
  );
}
