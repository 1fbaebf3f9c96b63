import { useState } from "react";
import { t } from "@/lib/i18n/later";
import type { OpenSession } from "@/lib/session-client";
import { Button } from "@/ui/Button";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { RelativeTime } from "@/ui/RelativeTime";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { useEndOtherSessions, useEndSession, useSessions } from "../account";
import { deviceOf } from "../device";
import { useSession } from "../queries";

/** Where its reader is signed in. The session that reads it is among them, so the list is never empty. */
export function SessionsPage() {
  const sessions = useSessions();
  const current = useSession().data?.session.id;
  const endOne = useEndSession();
  const endOthers = useEndOtherSessions();
  const [ending, setEnding] = useState<OpenSession | "others">();
  const kept = useKeptFocus<HTMLUListElement>();
  const others = sessions.data?.filter((each) => each.id !== current) ?? [];
  const close = () => setEnding(undefined);

  return (
    <>
      <PageHeader title={t("sessions.title")} lead={t("sessions.lead")} actions={others.length > 0 && <Button onClick={() => setEnding("others")}>{t("sessions.endOthers")}</Button>} />
      <Surface>
        <Loaded query={sessions} loading={<Skeleton rows={2} className="h-16" />}>
          {(all) => (
            <ul {...kept} className="divide-y divide-line">
              {[...all.filter((each) => each.id === current), ...others].map((session) => (
                <li key={session.id} data-testid="session-row" className="flex items-center justify-between gap-4 px-5 py-3.5">
                  <div className="min-w-0">
                    <h2 className="font-medium break-words">
                      {nameOf(session)}
                      {session.id === current && <span className="ml-2 text-sm font-normal text-muted">{t("sessions.this")}</span>}
                    </h2>
                    <p className="text-sm text-muted">
                      {session.ipAddress !== undefined && session.ipAddress !== null && session.ipAddress !== "" && <span className="break-all">{`${session.ipAddress}, `}</span>}
                      {t("sessions.began")} <RelativeTime at={new Date(session.createdAt)} />
                    </p>
                  </div>
                  {session.id !== current && (
                    <Button tone="quiet" small className="-mr-2.5" aria-label={t("sessions.endOne", { device: nameOf(session) })} onClick={() => setEnding(session)}>
                      {t("sessions.end")}
                    </Button>
                  )}
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      </Surface>
      {ending === "others" && (
        <ConfirmMutation
          mutation={endOthers}
          variables={undefined}
          title={t("sessions.endOthersTitle")}
          text={t("sessions.endText")}
          confirm={t("sessions.endOthers")}
          done={t("sessions.othersEnded")}
          onClose={close}
        />
      )}
      {ending !== undefined && ending !== "others" && (
        <ConfirmMutation
          mutation={endOne}
          variables={ending}
          title={t("sessions.endTitle", { device: nameOf(ending) })}
          text={t("sessions.endText")}
          confirm={t("sessions.end")}
          done={t("sessions.ended")}
          onClose={close}
        />
      )}
    </>
  );
}

function nameOf({ userAgent }: OpenSession): string {
  if (userAgent === undefined || userAgent === null || userAgent === "") return t("sessions.unknownDevice");
  const { browser, platform } = deviceOf(userAgent);
  return platform === undefined ? browser : t("sessions.device", { browser, platform });
}
