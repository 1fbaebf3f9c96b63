import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { NeedsRule } from "@/areas/auth/components/NeedsRule";
import { t } from "@/lib/i18n/later";
import { latency } from "@/lib/format";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { Field } from "@/ui/Field";
import { PageHeader } from "@/ui/PageHeader";
import { RecordTable } from "@/ui/RecordTable";
import { Redirect } from "@/ui/Redirect";
import { RelativeTime } from "@/ui/RelativeTime";
import { Surface } from "@/ui/Surface";
import { useForm } from "@/ui/use-form";
import { ATTEMPT_PAGE, useAttemptPage, type Attempt } from "../administration";
import { OutcomeMark } from "../components/OutcomeMark";
import { useStrategies } from "../queries";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Every try to deliver something, newest first, of everybody or of one notification. */
export function AttemptsPage() {
  const { notification } = useSearch({ from: "/shell/administration/attempts" });
  return (
    <NeedsRule title={t("attempts.title")} rules={["notification.notification.manage"]}>
      <PageHeader title={t("attempts.title")} lead={t("attempts.lead")} />
      <Filter key={notification} notification={notification} />
      <Surface>{notification === undefined || ID.test(notification) ? <Attempts /> : <NoTries />}</Surface>
    </NeedsRule>
  );
}

/** Another filter is another list, so it begins at its first page. */
function Filter({ notification }: { notification: string | undefined }) {
  const navigate = useNavigate();
  const { form, field, submit } = useForm({ notification: notification ?? "" }, (typed) => ({
    notification: typed.notification.trim() === "" || ID.test(typed.notification.trim()) ? undefined : t("attempts.notAnId"),
  }));
  return (
    <form
      ref={form}
      noValidate
      className="mb-3 flex max-w-[40rem] flex-wrap items-start gap-x-3 gap-y-2"
      onSubmit={submit(({ notification: typed }) => void navigate({ to: "/administration/attempts", search: typed.trim() === "" ? {} : { notification: typed.trim() } }))}
    >
      <Field {...field("notification")} label={t("attempts.notification")} hint={t("attempts.notificationHint")} autoComplete="off" spellCheck={false} className="min-w-0 flex-1 basis-72" />
      <span className="flex gap-2 sm:mt-6.5">
        <Button type="submit" className="min-h-10">
          {t("attempts.find")}
        </Button>
        {notification !== undefined && (
          <Link to="/administration/attempts" className={`${buttonStyle("quiet")} min-h-10`}>
            {t("attempts.all")}
          </Link>
        )}
      </span>
    </form>
  );
}

function Attempts() {
  const { page = 1, notification } = useSearch({ from: "/shell/administration/attempts" });
  const navigate = useNavigate();
  const attempts = useAttemptPage(page, notification);
  const strategies = useStrategies();
  const nameOf = ({ strategyQualifiedId: id }: Attempt) => strategies.data?.find((each) => each.qualifiedId === id)?.displayName ?? id;
  const search = notification === undefined ? {} : { notification };
  const { items = [], total = 0 } = attempts.data ?? {};
  return (
    <>
      {/* A page beyond the last, as when old ones went, leads to the last. */}
      {items.length === 0 && total > 0 && <Redirect to={`/administration/attempts?${new URLSearchParams({ ...search, page: String(Math.ceil(total / ATTEMPT_PAGE)) }).toString()}`} />}
      <RecordTable
        query={attempts}
        recordsOf={({ items }) => items}
        columns={[
          { title: t("attempts.outcome"), cell: (attempt) => <Outcome attempt={attempt} channel={nameOf(attempt)} filtered={notification !== undefined} /> },
          { title: t("attempts.channel"), wide: true, cell: nameOf },
          { title: t("attempts.took"), wide: true, className: "text-right text-muted tabular-nums", cell: ({ durationMs }) => latency(durationMs) },
          { title: t("attempts.when"), className: "text-right text-muted", cell: ({ attemptedAt }) => <RelativeTime at={attemptedAt} /> },
        ]}
        testId="attempt-row"
        loading={{ rows: 8, className: "h-14" }}
        empty={notification === undefined ? <EmptyState icon="bell" title={t("attempts.empty")} text={t("attempts.emptyHint")} /> : <NoTries />}
        page={page}
        size={ATTEMPT_PAGE}
        onPage={(next) => void navigate({ to: "/administration/attempts", search: { ...search, ...(next === 1 ? {} : { page: next }) } })}
      />
    </>
  );
}

/** Also said of what is no id at all. */
function NoTries() {
  return <EmptyState icon="bell" title={t("attempts.none")} text={t("attempts.noneHint")} />;
}

interface OutcomeProps {
  attempt: Attempt;
  channel: string;
  /** Its notification is the one that is shown. */
  filtered: boolean;
}

function Outcome({ attempt: { notificationId, status, errorMessage, durationMs }, channel, filtered }: OutcomeProps) {
  return (
    <>
      <OutcomeMark outcome={status === "success" ? "delivered" : "failed"} />
      {status === "failure" && <p className="text-sm wrap-anywhere text-muted">{errorMessage ?? t("dead.noReason")}</p>}
      <p className="text-sm text-muted sm:hidden">
        {channel} · {latency(durationMs)}
      </p>
      {!filtered && (
        <Link to="/administration/attempts" search={{ notification: notificationId }} className="block w-fit text-sm text-accent-text hover:underline">
          {t("attempts.ofNotification")}
        </Link>
      )}
    </>
  );
}
