import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useAssociations, useConfigurations } from "@/areas/healthcheck/queries";
import { t } from "@/lib/i18n/later";
import { ErrorState } from "@/ui/ErrorState";
import { PageHeader } from "@/ui/PageHeader";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { useToast } from "@/ui/toasts";
import { SystemForm } from "../components/SystemForm";
import { SystemGone } from "../components/SystemGone";
import { useSystem } from "../queries";
import { HTTP_STRATEGY, valuesOf } from "../system-values";

export function EditSystemPage() {
  const { systemId } = useParams({ from: "/shell/systems/$systemId/edit" });
  const { check } = useSearch({ from: "/shell/systems/$systemId/edit" });
  const navigate = useNavigate();
  const toast = useToast();
  const system = useSystem(systemId);
  const associations = useAssociations(systemId, true);
  const configurations = useConfigurations(true);

  const failed = [system, associations, configurations].find((query) => query.isError && query.data === undefined);
  if (failed) {
    return (
      <Surface>
        <ErrorState error={failed.error} onRetry={() => void Promise.all([system.refetch(), associations.refetch(), configurations.refetch()])} />
      </Surface>
    );
  }
  if (system.data === null) return <SystemGone />;
  if (!system.data || !associations.data || !configurations.data) {
    return (
      <Surface>
        <Skeleton rows={4} className="h-20" />
      </Surface>
    );
  }

  // The first HTTP check is the one the form adds; another is edited where the address names it.
  const pairs = associations.data.flatMap((association) => {
    const configuration = configurations.data.configurations.find((each) => each.id === association.configurationId);
    return configuration?.strategyId === HTTP_STRATEGY ? [{ association, configuration }] : [];
  });
  const { association, configuration } = pairs.find((pair) => pair.configuration.id === check) ?? pairs[0] ?? {};
  const leave = () => void navigate({ to: "/systems/$systemId", params: { systemId } });
  return (
    <>
      <PageHeader title={t("systemForm.editTitle", { system: system.data.name })} />
      <SystemForm
        initial={valuesOf(system.data, configuration, association)}
        known={{ systemId, ...(configuration ? { configuration } : {}), enabled: association?.enabled ?? true, keepThresholds: association?.stateThresholds?.mode === "window" }}
        note={configuration && associations.data.length > 1 ? t("systemForm.manyChecks", { count: associations.data.length, check: configuration.name }) : undefined}
        submitText={t("action.save")}
        onSaved={() => {
          toast({ text: t("common.saved") });
          leave();
        }}
        onCancel={leave}
      />
    </>
  );
}
