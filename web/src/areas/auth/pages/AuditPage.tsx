import { useNavigate, useSearch } from "@tanstack/react-router";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { Choice } from "@/ui/Choice";
import { EmptyState } from "@/ui/EmptyState";
import { PageHeader } from "@/ui/PageHeader";
import { RecordTable } from "@/ui/RecordTable";
import { RelativeTime } from "@/ui/RelativeTime";
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
        <RecordTable
          query={log}
          recordsOf={({ items }) => items}
          columns={[
            { title: t("audit.what"), cell: (entry) => <What entry={entry} /> },
            { title: t("audit.who"), wide: true, className: "text-muted", cell: (entry) => <span className="break-all">{actorOf(entry)}</span> },
            { title: t("audit.address"), wide: true, className: "text-muted", cell: ({ address }) => <span className="break-all">{address}</span> },
            { title: t("audit.when"), className: "text-right text-muted", cell: ({ at }) => <RelativeTime at={at} /> },
          ]}
          testId="audit-row"
          loading={{ rows: 8, className: "h-11" }}
          empty={
            show === "refused" ? (
              <EmptyState icon="check" title={t("audit.noRefusals")}>
                <Button onClick={() => open("all")}>{t("inbox.showAll")}</Button>
              </EmptyState>
            ) : (
              <EmptyState icon="shield" title={t("audit.empty")} text={t("audit.emptyHint")} />
            )
          }
          page={page}
          size={AUDIT_PAGE}
          onPage={(next) => open(show, next)}
        />
      </Surface>
    </>
  );
}

function What({ entry }: { entry: AuditEntry }) {
  const { action, address, outcome } = entry;
  const target = entry.targetName ?? entry.target;
  return (
    <>
      <p className="font-medium break-all">
        {action}
        {outcome !== "ok" && <span className="ml-2 text-sm font-normal text-unhealthy">{outcome === "refused" ? t("audit.refused") : outcome}</span>}
      </p>
      {entry.target !== entry.actor && target !== "" && <p className="text-sm break-all text-muted">{target}</p>}
      <p className="text-sm break-all text-muted sm:hidden">{[actorOf(entry), address].filter((part) => part !== "").join(" · ")}</p>
    </>
  );
}

/** Whoever is gone keeps the id they had. */
const actorOf = ({ actorName, actor }: AuditEntry) => actorName ?? actor;
