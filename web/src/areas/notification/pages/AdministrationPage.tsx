import { NeedsRule } from "@/areas/auth/components/NeedsRule";
import { t } from "@/lib/i18n/later";
import { EmptyState } from "@/ui/EmptyState";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { DeadLetterSection } from "../components/DeadLetterSection";
import { RetentionSection } from "../components/RetentionSection";
import { StrategyRow } from "../components/StrategyRow";
import { useStrategies } from "../queries";

export function AdministrationPage() {
  return (
    <NeedsRule title={t("admin.title")} rules={["notification.notification.manage"]}>
      <PageHeader title={t("admin.title")} />
      <Strategies />
      <RetentionSection />
      <DeadLetterSection />
    </NeedsRule>
  );
}

/** Which channels people may set up. */
function Strategies() {
  const strategies = useStrategies();
  return (
    <Section title={t("admin.strategies")} hint={t("admin.strategiesHint")}>
      <Loaded query={strategies} loading={<Skeleton rows={2} />} isEmpty={(all) => all.length === 0} empty={() => <EmptyState icon="bell" title={t("admin.noStrategies")} text={t("admin.noStrategiesHint")} />}>
        {(all) => (
          <ul className="divide-y divide-line">
            {all.map((strategy) => (
              <StrategyRow key={strategy.qualifiedId} strategy={strategy} />
            ))}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}
