import { Link } from "@tanstack/react-router";
import { RunTicks } from "@/areas/healthcheck/components/RunTicks";
import { StateMark } from "@/areas/healthcheck/components/StateMark";
import { useConfigurations, type SystemStatus } from "@/areas/healthcheck/queries";
import { TICKS } from "@/areas/healthcheck/states";
import { t } from "@/lib/i18n/t";
import { asRecord, asText } from "@/lib/record";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { RelativeTime } from "@/ui/RelativeTime";
import { Section } from "@/ui/Section";

interface ChecksSectionProps {
  systemId: string;
  status: SystemStatus;
  mayRead: boolean;
  mayManage: boolean;
}

/** What is checked, how often, and how each check stands. */
export function ChecksSection({ systemId, status, mayRead, mayManage }: ChecksSectionProps) {
  const configurations = useConfigurations(mayRead);
  return (
    <Section title={t("system.checks")}>
      {status.checkStatuses.length === 0 ? (
        <EmptyState icon="systems" title={t("system.noChecks")} text={t("system.noChecksHint")}>
          {mayManage && (
            <Link to="/systems/$systemId/edit" params={{ systemId }} className={buttonStyle("primary")}>
              {t("system.addCheck")}
            </Link>
          )}
        </EmptyState>
      ) : (
        <ul className="divide-y divide-line">
          {status.checkStatuses.map((check) => {
            const configuration = configurations.data?.configurations.find((each) => each.id === check.configurationId);
            const target = asText(asRecord(configuration?.collectors?.[0]?.config)["url"]);
            return (
              <li key={check.configurationId} className="grid items-center gap-x-4 gap-y-2 px-5 py-3.5 sm:grid-cols-[7.5rem_minmax(0,1fr)_12.5rem]">
                <StateMark state={check.status} />
                <div className="min-w-0">
                  <h3 className="truncate font-medium">{check.configurationName}</h3>
                  <p className="text-sm text-muted">
                    {target !== undefined && <span className="break-all">{target}</span>}
                    {configuration && <span>{`${target === undefined ? "" : ", "}${t("system.every", { count: configuration.intervalSeconds })}`}</span>}
                    {check.lastRunAt && (
                      <>
                        {configuration ? ", " : ""}
                        {t("system.lastRun")} <RelativeTime at={check.lastRunAt} />
                      </>
                    )}
                  </p>
                </div>
                <RunTicks runs={(check.recentRuns ?? []).slice(-TICKS)} />
              </li>
            );
          })}
        </ul>
      )}
    </Section>
  );
}
