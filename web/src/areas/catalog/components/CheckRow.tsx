import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { RunTicks } from "@/areas/healthcheck/components/RunTicks";
import { StateMark } from "@/ui/StateMark";
import { useRemoveCheck, useSwitchCheck, type SystemCheck } from "@/areas/healthcheck/queries";
import { TICKS } from "@/areas/healthcheck/states";
import { t } from "@/lib/i18n/later";
import { asRecord, asText } from "@/lib/record";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { errorText } from "@/ui/error-text";
import { Icon } from "@/ui/Icon";
import { RelativeTime } from "@/ui/RelativeTime";
import { useToast } from "@/ui/toasts";

/** One check: what it asks, how often, how it stands; and for who may manage it, ways to change, pause and remove it. */
export function CheckRow({ systemId, check, mayManage }: { systemId: string; check: SystemCheck; mayManage: boolean }) {
  const { configuration, status, paused } = check;
  const target = asText(asRecord(configuration?.collectors?.[0]?.config)["url"]);
  return (
    <li className="grid items-center gap-x-4 gap-y-2 px-5 py-3.5 sm:grid-cols-[7.5rem_minmax(0,1fr)_12.5rem]">
      {paused ? (
        <span className="inline-flex items-center gap-2 font-medium text-muted">
          <Icon name="pause" />
          {t("system.paused")}
        </span>
      ) : (
        <StateMark state={status?.status ?? "unknown"} />
      )}
      <div className="min-w-0">
        <h3 className="truncate font-medium">{check.name}</h3>
        <p className="text-sm text-muted">
          {target !== undefined && <span className="break-all">{target}</span>}
          {configuration && <span>{`${target === undefined ? "" : ", "}${t("system.every", { count: configuration.intervalSeconds })}`}</span>}
          {status?.lastRunAt && (
            <>
              {configuration ? ", " : ""}
              {t("system.lastRun")} <RelativeTime at={status.lastRunAt} />
            </>
          )}
        </p>
        {mayManage && <Actions systemId={systemId} check={check} />}
      </div>
      <RunTicks runs={(status?.recentRuns ?? []).slice(-TICKS)} />
    </li>
  );
}

function Actions({ systemId, check }: { systemId: string; check: SystemCheck }) {
  const { configurationId, name, paused, configuration } = check;
  const [asking, setAsking] = useState(false);
  const turn = useSwitchCheck();
  const remove = useRemoveCheck();
  const toast = useToast();
  return (
    <div className="mt-1.5 -ml-2.5 flex flex-wrap">
      <Link to="/systems/$systemId/edit" params={{ systemId }} search={{ check: configurationId }} aria-label={t("system.editCheck", { check: name })} className={buttonStyle("quiet", true)}>
        {t("action.edit")}
      </Link>
      <Button
        tone="quiet"
        small
        busy={turn.isPending}
        aria-label={paused ? t("system.resumeCheck", { check: name }) : t("system.pauseCheck", { check: name })}
        onClick={() => turn.mutate({ systemId, configurationId, running: paused, resume: paused && configuration?.paused === true }, { onError: (error) => toast({ tone: "error", text: errorText(error) }) })}
      >
        {paused ? t("action.resume") : t("action.pause")}
      </Button>
      <Button tone="quiet" small aria-label={t("system.removeCheck", { check: name })} onClick={() => setAsking(true)}>
        {t("action.remove")}
      </Button>
      {asking && (
        <ConfirmDialog
          title={t("system.removeCheckTitle", { check: name })}
          text={t("system.removeCheckText")}
          confirm={t("system.removeCheckConfirm")}
          busy={remove.isPending}
          error={remove.isError ? errorText(remove.error) : undefined}
          onConfirm={() =>
            remove.mutate(
              { systemId, configurationId },
              {
                onSuccess: () => {
                  setAsking(false);
                  toast({ text: t("system.checkRemoved", { check: name }) });
                },
              },
            )
          }
          onClose={() => {
            setAsking(false);
            remove.reset();
          }}
        />
      )}
    </div>
  );
}
