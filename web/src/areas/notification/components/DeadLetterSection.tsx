import { useNavigate, useSearch } from "@tanstack/react-router";
import { useId, useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { EmptyState } from "@/ui/EmptyState";
import { Loaded } from "@/ui/Loaded";
import { Pages } from "@/ui/Pages";
import { Redirect } from "@/ui/Redirect";
import { RelativeTime } from "@/ui/RelativeTime";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { DEAD_PAGE, useAttempts, useDeadLetters, useReplay, type Attempt, type DeadLetter } from "../administration";
import { useStrategies } from "../queries";

const addressOf = (page: number) => (page === 1 ? "/administration" : `/administration?page=${String(page)}`);

/** Deliveries whose every try failed: why, and a second chance once that is mended. */
export function DeadLetterSection() {
  const { page = 1 } = useSearch({ from: "/shell/administration/" });
  const navigate = useNavigate();
  const letters = useDeadLetters(page);
  const strategies = useStrategies();
  const replay = useReplay();
  const [asked, setAsked] = useState<DeadLetter>();
  const nameOf = (id: string) => strategies.data?.find((each) => each.qualifiedId === id)?.displayName ?? id;
  const open = (next: number) => void navigate({ to: "/administration", search: next === 1 ? {} : { page: next } });
  return (
    <Section title={t("dead.title")} hint={t("dead.hint")}>
      <Loaded query={letters} loading={<Skeleton rows={2} />} isEmpty={(data) => data.total === 0} empty={() => <EmptyState icon="check" title={t("dead.empty")} text={t("dead.emptyHint")} />}>
        {(data) => (
          <>
            <ul className="divide-y divide-line">
              {data.items.map((letter) => (
                <Letter key={letter.deliveryId} letter={letter} channel={nameOf(letter.strategyQualifiedId)} onReplay={() => setAsked(letter)} />
              ))}
            </ul>
            {/* A page beyond the last, as when what stood on it was sent again, leads to the last. */}
            {data.items.length === 0 && <Redirect to={addressOf(Math.ceil(data.total / DEAD_PAGE))} />}
            <Pages page={page} size={DEAD_PAGE} total={data.total} onPage={open} />
          </>
        )}
      </Loaded>
      {asked !== undefined && (
        <ConfirmMutation
          mutation={replay}
          variables={asked}
          title={t("dead.askTitle")}
          text={t("dead.askText", { channel: nameOf(asked.strategyQualifiedId), user: asked.userName ?? t("dead.nobody") })}
          confirm={t("dead.replay")}
          done={t("dead.replayed")}
          onClose={() => setAsked(undefined)}
        />
      )}
    </Section>
  );
}

function Letter({ letter, channel, onReplay }: { letter: DeadLetter; channel: string; onReplay: () => void }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const user = letter.userName ?? t("dead.nobody");
  return (
    <li data-testid="dead-letter" className="px-5 py-4">
      <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <div className="min-w-0">
          <h3 className="font-medium wrap-anywhere">{t("dead.to", { channel, user })}</h3>
          <p className="text-sm wrap-anywhere text-unhealthy">{letter.reason ?? t("dead.noReason")}</p>
          <p className="text-sm text-muted">
            {t("dead.after", { count: letter.attempts })} · <RelativeTime at={letter.diedAt} />
          </p>
        </div>
        <div className="flex shrink-0 gap-2">
          <Button tone="quiet" small aria-label={t("dead.attemptsOne", { channel, user })} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
            {t("dead.attempts")}
          </Button>
          <Button small aria-label={t("dead.replayOne", { channel, user })} onClick={onReplay}>
            {t("dead.replay")}
          </Button>
        </div>
      </div>
      <div id={id}>{open && <Attempts deliveryId={letter.deliveryId} />}</div>
    </li>
  );
}

function Attempts({ deliveryId }: { deliveryId: string }) {
  const attempts = useAttempts(deliveryId);
  return (
    <Loaded query={attempts} loading={<Skeleton rows={2} />} isEmpty={(data) => data.total === 0} empty={() => <p className="mt-3 text-sm text-muted">{t("dead.noAttempts")}</p>}>
      {(data) => (
        <ul aria-label={t("dead.attempts")} className="mt-3 flex flex-col gap-1.5 border-l-2 border-line pl-4 text-sm">
          {data.items.map((attempt) => (
            <One key={attempt.id} attempt={attempt} />
          ))}
        </ul>
      )}
    </Loaded>
  );
}

function One({ attempt }: { attempt: Attempt }) {
  return (
    <li className="flex flex-wrap gap-x-2 text-muted">
      <RelativeTime at={attempt.attemptedAt} />
      <span className="text-text wrap-anywhere">{attempt.status === "success" ? t("dead.arrived") : (attempt.errorMessage ?? t("dead.noReason"))}</span>
      <span className="tabular-nums">{t("dead.took", { ms: attempt.durationMs })}</span>
    </li>
  );
}
