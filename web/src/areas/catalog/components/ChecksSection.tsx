import { Link } from "@tanstack/react-router";
import type { SystemCheck } from "@/areas/healthcheck/queries";
import { t } from "@/lib/i18n/later";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { Section } from "@/ui/Section";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { CheckRow } from "./CheckRow";

interface ChecksSectionProps {
  systemId: string;
  checks: readonly SystemCheck[];
  mayManage: boolean;
}

/** What is checked, how often, and how each check stands. */
export function ChecksSection({ systemId, checks, mayManage }: ChecksSectionProps) {
  const kept = useKeptFocus<HTMLUListElement>();
  return (
    <Section title={t("system.checks")}>
      {checks.length === 0 ? (
        <EmptyState icon="systems" title={t("system.noChecks")} text={t("system.noChecksHint")}>
          {mayManage && (
            <Link to="/systems/$systemId/edit" params={{ systemId }} className={buttonStyle("primary")}>
              {t("system.addCheck")}
            </Link>
          )}
        </EmptyState>
      ) : (
        <ul {...kept} className="divide-y divide-line">
          {checks.map((check) => (
            <CheckRow key={check.configurationId} systemId={systemId} check={check} mayManage={mayManage} />
          ))}
        </ul>
      )}
    </Section>
  );
}
