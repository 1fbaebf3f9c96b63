import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useAccess } from "@/areas/auth/queries";
import { LatencySection } from "@/areas/healthcheck/components/LatencySection";
import { RunsSection } from "@/areas/healthcheck/components/RunsSection";
import { useStatus, useSystemChecks } from "@/areas/healthcheck/queries";
import { SubscribeSwitch } from "@/areas/notification/components/SubscribeSwitch";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { Icon } from "@/ui/Icon";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { ChecksSection } from "../components/ChecksSection";
import { ContactsSection } from "../components/ContactsSection";
import { DeleteSystem } from "../components/DeleteSystem";
import { StateSentence } from "../components/StateSentence";
import { SystemFacts } from "../components/SystemFacts";
import { SystemGone } from "../components/SystemGone";
import { groupOf, useSystem, type System } from "../queries";

export function SystemPage() {
  const { systemId } = useParams({ from: "/shell/systems/$systemId" });
  const system = useSystem(systemId);
  return (
    <>
      <Link to="/" className="mb-3 inline-flex items-center gap-1 rounded text-sm font-medium text-muted hover:text-text">
        <Icon name="chevronLeft" className="size-3.5" />
        {t("system.back")}
      </Link>
      <Loaded
        query={system}
        loading={
          <Surface>
            <Skeleton rows={4} className="h-16" />
          </Surface>
        }
        isEmpty={(data) => data === null}
        empty={() => <SystemGone />}
      >
        {(data) => data && <SystemView system={data} />}
      </Loaded>
    </>
  );
}

function SystemView({ system }: { system: System }) {
  const { page = 1 } = useSearch({ from: "/shell/systems/$systemId" });
  const navigate = useNavigate();
  const has = useAccess();
  const status = useStatus(system.id);
  const mayManage = has("catalog.system.manage") && has("healthcheck.healthcheck.manage");
  const mayRead = has("healthcheck.healthcheck.read");
  const checks = useSystemChecks(system.id, status.data, mayRead);

  return (
    <>
      <PageHeader
        title={system.name}
        lead={
          <>
            {status.data && <StateSentence status={status.data} paused={checks.length > 0 && checks.every((check) => check.paused)} />}
            {system.description !== null && system.description !== "" && <p className="mt-1">{system.description}</p>}
          </>
        }
        actions={
          has("catalog.system.manage") && (
            <>
              {mayManage && mayRead && (
                <Link to="/systems/$systemId/edit" params={{ systemId: system.id }} className={buttonStyle()}>
                  {t("action.edit")}
                </Link>
              )}
              <DeleteButton system={system} />
            </>
          )
        }
      />
      <Loaded
        query={status}
        loading={
          <Surface>
            <Skeleton rows={2} className="h-16" />
          </Surface>
        }
      >
        {() => <ChecksSection systemId={system.id} checks={checks} mayManage={mayManage && mayRead} />}
      </Loaded>
      <LatencySection systemId={system.id} />
      <RunsSection systemId={system.id} page={page} onPage={(next) => void navigate({ to: "/systems/$systemId", params: { systemId: system.id }, search: next === 1 ? {} : { page: next }, resetScroll: false })} />
      <Section title={t("system.told")}>
        <div className="p-5">
          <SubscribeSwitch groupId={groupOf(system.id)} groupName={system.name} label={t("system.tellMe")} hint={t("system.tellMeHint")} />
        </div>
      </Section>
      <ContactsSection systemId={system.id} mayManage={has("catalog.system.manage")} />
      <SystemFacts system={system} />
    </>
  );
}

function DeleteButton({ system }: { system: System }) {
  const [asking, setAsking] = useState(false);
  const navigate = useNavigate();
  return (
    <>
      <Button tone="danger" onClick={() => setAsking(true)}>
        {t("action.delete")}
      </Button>
      {asking && <DeleteSystem system={system} onDone={() => void navigate({ to: "/" })} onClose={() => setAsking(false)} />}
    </>
  );
}
