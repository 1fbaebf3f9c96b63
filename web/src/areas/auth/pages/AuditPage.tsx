import { useNavigate, useSearch } from "@tanstack/react-router";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { Choice } from "@/ui/Choice";
import { EmptyState } from "@/ui/EmptyState";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Pages } from "@/ui/Pages";
import { RelativeTime } from "@/ui/RelativeTime";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { AUDIT_PAGE, useAuditLog, type AuditEntry } from "../audit";
import { NeedsRule } from "../components/NeedsRule";

/** The log of every sign-in and every change of rights, newest first. */
export function AuditPage() {
  return (
    <NeedsRule title={t("audit.title")} rules={["auth.audit.read"]}>
      <PageHeader title={t("audit.title")} lead={t("audit.lead")} />
      <Audit />
    </NeedsRule>
  );
}

function Audit() {
  const { page = 1, show = "all" } = useSearch({ from: "/shell/administration/audit" });
  const navigate = useNavigate();
  const log = useAuditLog(page, show === "refused");
  // Another filter is another list, so it begins at its first page.
  const open = (filter: typeof show, next = 1) => void navigate({ to: "/administration/audit", search: { ...(filter === "all" ? {} : { show: filter }), ...(next === 1 ? {} : { page: next }) } });
  return (
    <>
      <div className="mb-3">
        <Choice
          label={t("inbox.filter")}
          value={show}
          options={[
            { value: "all", text: t("inbox.all") },
            { value: "refused", text: t("audit.refusals") },
          ]}
          onChange={(filter) => open(filter)}
        />
      </div>
      <Surface>
        <Loaded
          query={log}
          loading={<Skeleton rows={8} className="h-11" />}
          isEmpty={(data) => data.total === 0}
          empty={() =>
            show === "refused" ? (
              <EmptyState icon="check" title={t("audit.noRefusals")}>
                <Button onClick={() => open("all")}>{t("inbox.showAll")}</Button>
              </EmptyState>
            ) : (
              <EmptyState icon="shield" title={t("audit.empty")} text={t("audit.emptyHint")} />
            )
          }
        >
          {(data) => (
            <>
              <AuditTable entries={data.items} />
              <Pages page={page} size={AUDIT_PAGE} total={data.total} onPage={(next) => open(show, next)} />
            </>
          )}
        </Loaded>
      </Surface>
    </>
  );
}

function AuditTable({ entries }: { entries: readonly AuditEntry[] }) {
  return (
    <table className="w-full text-left">
      <thead className="text-sm text-muted">
        <tr className="border-b border-line">
          <th scope="col" className="py-2.5 pl-5 font-medium">
            {t("audit.what")}
          </th>
          <th scope="col" className="px-3 py-2.5 font-medium max-sm:hidden">
            {t("audit.who")}
          </th>
          <th scope="col" className="px-3 py-2.5 font-medium max-sm:hidden">
            {t("audit.address")}
          </th>
          <th scope="col" className="py-2.5 pr-5 pl-3 text-right font-medium">
            {t("audit.when")}
          </th>
        </tr>
      </thead>
      <tbody className="divide-y divide-line">
        {entries.map((entry) => (
          <Row key={entry.id} entry={entry} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ entry }: { entry: AuditEntry }) {
  const { at, action, address, outcome } = entry;
  // Whoever is gone keeps the id they had.
  const actor = entry.actorName ?? entry.actor;
  const target = entry.targetName ?? entry.target;
  return (
    <tr data-testid="audit-row" className="align-top">
      <td className="py-2.5 pl-5">
        <p className="font-medium break-all">
          {action}
          {outcome !== "ok" && <span className="ml-2 text-sm font-normal text-unhealthy">{outcome === "refused" ? t("audit.refused") : outcome}</span>}
        </p>
        {entry.target !== entry.actor && target !== "" && <p className="text-sm break-all text-muted">{target}</p>}
        {/* A narrow page has no room for these columns. */}
        <p className="text-sm break-all text-muted sm:hidden">{[actor, address].filter((part) => part !== "").join(" · ")}</p>
      </td>
      <td className="px-3 py-2.5 break-all text-muted max-sm:hidden">{actor}</td>
      <td className="px-3 py-2.5 break-all text-muted max-sm:hidden">{address}</td>
      <td className="py-2.5 pr-5 pl-3 text-right text-muted">
        <RelativeTime at={at} />
      </td>
    </tr>
  );
}
