import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { t } from "@/lib/i18n/later";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { PageHeader } from "@/ui/PageHeader";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { accessQuery, holds } from "../queries";

interface NeedsRuleProps {
  /** The title of the page, which stands over the refusal too. */
  title: string;
  /** Any of these opens the page. */
  rules: readonly string[];
  children: ReactNode;
}

/** A page for who holds a rule; who does not is told which one it takes. */
export function NeedsRule({ title, rules, children }: NeedsRuleProps) {
  const access = useQuery(accessQuery);
  if (access.data && rules.some((rule) => holds(access.data.accessRules, rule))) return children;
  return (
    <>
      <PageHeader title={title} />
      <Surface>
        {access.data ? (
          <EmptyState icon="shield" title={t("admin.forbidden")} text={t("admin.forbiddenHint", { rule: rules.join(", ") })}>
            <Link to="/" className={buttonStyle("primary")}>
              {t("notFound.back")}
            </Link>
          </EmptyState>
        ) : access.isError ? (
          <ErrorState error={access.error} onRetry={() => void access.refetch()} />
        ) : (
          <Skeleton rows={3} />
        )}
      </Surface>
    </>
  );
}
