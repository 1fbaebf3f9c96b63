import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useAccess } from "@/areas/auth/queries";
import { useStatuses, type State, type SystemStatus } from "@/areas/healthcheck/queries";
import { stateOf, states } from "@/areas/healthcheck/states";
import { t } from "@/lib/i18n/t";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { Icon } from "@/ui/Icon";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { StateFilter } from "../components/StateFilter";
import { SystemRow } from "../components/SystemRow";
import { ViewsMenu } from "../components/ViewsMenu";
import { useSystems, type System } from "../queries";

/** Every system on one line, worst first. */
export function SystemsPage() {
  const systems = useSystems();
  const mayAdd = useMayAdd();
  const filter = useSearch({ from: "/shell/" });
  const none = systems.data?.systems.length === 0;
  return (
    <>
      <PageHeader
        title={t("systems.title")}
        actions={
          !none && (
            <>
              <ViewsMenu filter={filter} />
              {mayAdd && <AddLink />}
            </>
          )
        }
      />
      <Loaded
        query={systems}
        loading={
          <Surface>
            <Skeleton rows={5} className="h-16" />
          </Surface>
        }
        isEmpty={(data) => data.systems.length === 0}
        empty={() => (
          <Surface>
            {mayAdd ? (
              <EmptyState icon="systems" title={t("systems.empty")} text={t("systems.emptyHint")}>
                <AddLink />
              </EmptyState>
            ) : (
              <EmptyState icon="systems" title={t("systems.emptyReader")} text={t("systems.emptyReaderHint")} />
            )}
          </Surface>
        )}
      >
        {(data) => <SystemList systems={data.systems} />}
      </Loaded>
    </>
  );
}

function SystemList({ systems }: { systems: readonly System[] }) {
  const { state, q } = useSearch({ from: "/shell/" });
  const navigate = useNavigate();
  const statuses = useStatuses(systems.map((system) => system.id));
  const statusOf = (system: System): SystemStatus | undefined => statuses.data?.statuses[system.id];

  if (statuses.isPending) {
    return (
      <Surface>
        <Skeleton rows={Math.min(systems.length, 8)} className="h-16" />
      </Surface>
    );
  }
  if (!statuses.data) {
    return (
      <Surface>
        <ErrorState error={statuses.error} onRetry={() => void statuses.refetch()} />
      </Surface>
    );
  }

  const wanted = q?.trim().toLowerCase() ?? "";
  const named = systems.filter((system) => system.name.toLowerCase().includes(wanted));
  const counts = Object.fromEntries(states.map((each) => [each, named.filter((system) => stateOf(statusOf(system)) === each).length])) as Record<State, number>;
  const shown = named
    .filter((system) => state === undefined || stateOf(statusOf(system)) === state)
    .sort((a, b) => states.indexOf(stateOf(statusOf(a))) - states.indexOf(stateOf(statusOf(b))) || a.name.localeCompare(b.name));

  return (
    <>
      <div className="mb-3">
        <StateFilter counts={counts} chosen={state} onChoose={(next) => void navigate({ to: "/", search: { ...(q === undefined ? {} : { q }), ...(next ? { state: next } : {}) } })} />
      </div>
      <Surface>
        {shown.length === 0 ? (
          <EmptyState icon="search" title={t("systems.noMatch")} text={t("systems.noMatchHint")}>
            <Button onClick={() => void navigate({ to: "/" })}>{t("systems.clearFilter")}</Button>
          </EmptyState>
        ) : (
          <ul className="@container divide-y divide-line">
            {shown.map((system) => (
              <SystemRow key={system.id} system={system} status={statusOf(system)} />
            ))}
          </ul>
        )}
      </Surface>
    </>
  );
}

/** Adding a system makes its check too. */
function useMayAdd(): boolean {
  const has = useAccess();
  return has("catalog.system.manage") && has("healthcheck.healthcheck.manage");
}

function AddLink() {
  return (
    <Link to="/systems/new" className={buttonStyle("primary")}>
      <Icon name="plus" />
      {t("systems.add")}
    </Link>
  );
}
