import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { NeedsRule } from "@/areas/auth/components/NeedsRule";
import { useAccess } from "@/areas/auth/queries";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { Icon } from "@/ui/Icon";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Pages } from "@/ui/Pages";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { DeleteSystem } from "../components/DeleteSystem";
import { GroupCard } from "../components/GroupCard";
import { GroupDialog } from "../components/GroupDialog";
import { useGroups, useSystems, type System } from "../queries";

const PAGE_SIZE = 20;

/** The systems and the groups they stand in, for who arranges them. */
export function CatalogPage() {
  return (
    <NeedsRule title={t("catalog.title")} rules={["catalog.system.manage", "catalog.group.manage"]}>
      <PageHeader title={t("catalog.title")} lead={t("catalog.lead")} />
      <Groups />
      <Systems />
    </NeedsRule>
  );
}

function Groups() {
  const groups = useGroups();
  const systems = useSystems();
  const mayManage = useAccess()("catalog.group.manage");
  const [adding, setAdding] = useState(false);
  const kept = useKeptFocus<HTMLUListElement>();
  const add = (
    <Button tone="primary" onClick={() => setAdding(true)}>
      <Icon name="plus" />
      {t("groups.add")}
    </Button>
  );
  return (
    <Section title={t("groups.title")} actions={mayManage && (groups.data?.length ?? 0) > 0 && add}>
      <Loaded
        query={groups}
        loading={<Skeleton rows={2} className="h-20" />}
        isEmpty={(all) => all.length === 0}
        empty={() => (
          <EmptyState icon="systems" title={t("groups.empty")} text={t("groups.emptyHint")}>
            {mayManage && add}
          </EmptyState>
        )}
      >
        {(all) => (
          <Loaded query={systems} loading={<Skeleton rows={2} className="h-20" />}>
            {(known) => (
              <ul {...kept} className="divide-y divide-line">
                {all.map((group) => (
                  <GroupCard key={group.id} group={group} systems={known.systems} />
                ))}
              </ul>
            )}
          </Loaded>
        )}
      </Loaded>
      {adding && <GroupDialog onClose={() => setAdding(false)} />}
    </Section>
  );
}

function Systems() {
  const { page = 1 } = useSearch({ from: "/shell/administration/catalog" });
  const navigate = useNavigate();
  const has = useAccess();
  const systems = useSystems();
  const [deleting, setDeleting] = useState<System>();
  const kept = useKeptFocus<HTMLUListElement>();
  const mayEdit = has("catalog.system.manage") && has("healthcheck.healthcheck.manage") && has("healthcheck.healthcheck.read");
  const mayAdd = has("catalog.system.manage") && has("healthcheck.healthcheck.manage");
  const add = mayAdd && (
    <Link to="/systems/new" className={buttonStyle("primary")}>
      <Icon name="plus" />
      {t("systems.add")}
    </Link>
  );
  return (
    <Section title={t("systems.title")} actions={(systems.data?.systems.length ?? 0) > 0 && add}>
      <Loaded
        query={systems}
        loading={<Skeleton rows={3} />}
        isEmpty={(data) => data.systems.length === 0}
        empty={() => (
          <EmptyState icon="systems" title={t("systems.emptyReader")} text={t("systems.emptyHint")}>
            {add}
          </EmptyState>
        )}
      >
        {({ systems: all }) => {
          const shown = Math.min(page, Math.ceil(all.length / PAGE_SIZE));
          return (
            <>
              <ul {...kept} className="divide-y divide-line">
                {all.slice((shown - 1) * PAGE_SIZE, shown * PAGE_SIZE).map((system) => (
                  <li key={system.id} data-testid="catalog-system" className="flex items-center justify-between gap-4 px-5 py-2.5">
                    <Link to="/systems/$systemId" params={{ systemId: system.id }} className="block min-w-0 truncate rounded py-1.5 font-medium hover:underline">
                      {system.name}
                    </Link>
                    {has("catalog.system.manage") && (
                      <div className="-mr-2.5 flex shrink-0">
                        {mayEdit && (
                          <Link to="/systems/$systemId/edit" params={{ systemId: system.id }} aria-label={t("systemForm.editTitle", { system: system.name })} className={buttonStyle("quiet", true)}>
                            {t("action.edit")}
                          </Link>
                        )}
                        <Button tone="quiet" small aria-label={t("system.deleteOne", { system: system.name })} onClick={() => setDeleting(system)}>
                          {t("action.delete")}
                        </Button>
                      </div>
                    )}
                  </li>
                ))}
              </ul>
              <Pages page={shown} size={PAGE_SIZE} total={all.length} onPage={(next) => void navigate({ to: "/administration/catalog", search: next === 1 ? {} : { page: next }, resetScroll: false })} />
            </>
          );
        }}
      </Loaded>
      {deleting && <DeleteSystem system={deleting} onClose={() => setDeleting(undefined)} />}
    </Section>
  );
}
