import { useAccess } from "@/areas/auth/queries";
import { t } from "@/lib/i18n/t";
import { EmptyState } from "@/ui/EmptyState";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { Switch } from "@/ui/Switch";
import { useStrategies, useSwitchStrategy } from "../queries";

export function AdministrationPage() {
  const administrator = useAccess()("notification.notification.manage");
  const strategies = useStrategies(administrator);
  const turn = useSwitchStrategy();

  if (!administrator) {
    return (
      <>
        <PageHeader title={t("admin.title")} />
        <Surface>
          <EmptyState icon="shield" title={t("admin.forbidden")} text={t("admin.forbiddenHint")} />
        </Surface>
      </>
    );
  }
  return (
    <>
      <PageHeader title={t("admin.title")} />
      <Section title={t("admin.strategies")} hint={t("admin.strategiesHint")}>
        <Loaded query={strategies} loading={<Skeleton rows={2} />} isEmpty={(all) => all.length === 0} empty={() => <EmptyState icon="bell" title={t("admin.noStrategies")} text={t("admin.noStrategiesHint")} />}>
          {(all) => (
            <ul className="divide-y divide-line">
              {all.map((strategy) => (
                <li key={strategy.qualifiedId} className="flex items-center justify-between gap-4 px-5 py-4">
                  <div className="min-w-0">
                    <h3 className="font-medium">{strategy.displayName}</h3>
                    {strategy.description !== undefined && strategy.description !== "" && <p className="text-sm text-muted">{strategy.description}</p>}
                  </div>
                  <div className="flex shrink-0 items-center gap-3">
                    <span className="text-sm text-muted">{strategy.enabled ? t("admin.on") : t("admin.off")}</span>
                    <Switch label={t("admin.allow", { strategy: strategy.displayName })} showLabel={false} checked={strategy.enabled} onChange={(enabled) => turn.mutate({ strategy, enabled })} />
                  </div>
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      </Section>
    </>
  );
}
