import { t } from "@/lib/i18n/later";
import { RelativeTime } from "@/ui/RelativeTime";
import { Section } from "@/ui/Section";
import { useGroups, type System } from "../queries";

/** What is known of a system beside its state: its groups, since when it is there, and what its maker noted with it. */
export function SystemFacts({ system }: { system: System }) {
  const groups = useGroups().data?.filter((group) => group.systemIds.includes(system.id)) ?? [];
  const { metadata } = system;
  return (
    <Section title={t("system.facts")}>
      <dl className="grid gap-x-6 gap-y-3 p-5 sm:grid-cols-[9rem_minmax(0,1fr)]">
        <dt className="text-muted">{t("groups.title")}</dt>
        <dd>{groups.length === 0 ? t("system.noGroups") : groups.map((group) => group.name).join(", ")}</dd>
        <dt className="text-muted">{t("system.created")}</dt>
        <dd>
          <RelativeTime at={system.createdAt} />
        </dd>
        <dt className="text-muted">{t("system.updated")}</dt>
        <dd>
          <RelativeTime at={system.updatedAt} />
        </dd>
        {metadata !== null && Object.keys(metadata).length > 0 && (
          <>
            <dt className="text-muted">{t("system.metadata")}</dt>
            <dd>
              <pre className="max-w-full font-mono text-sm break-words whitespace-pre-wrap">{JSON.stringify(metadata, undefined, 2)}</pre>
            </dd>
          </>
        )}
      </dl>
    </Section>
  );
}
