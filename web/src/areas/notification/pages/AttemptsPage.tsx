import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { NeedsRule } from "@/areas/auth/components/NeedsRule";
import { t } from "@/lib/i18n/later";
import { latency } from "@/lib/format";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { Field } from "@/ui/Field";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Pages } from "@/ui/Pages";
import { Redirect } from "@/ui/Redirect";
import { RelativeTime } from "@/ui/RelativeTime";
import { Skeleton } from "@/ui/Skeleton";
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
  const search = notification === undefined ? {} : { notification };
  return (
    <Loaded
      query={attempts}
      loading={<Skeleton rows={8} className="h-14" />}
      isEmpty={(data) => data.total === 0}
      empty={() => (notification === undefined ? <EmptyState icon="bell" title={t("attempts.empty")} text={t("attempts.emptyHint")} /> : <NoTries />)}
    >
      {(data) => (
        <>
          {/* A page beyond the last, as when old ones went, leads to the last. */}
          {data.items.length === 0 && <Redirect to={`/administration/attempts?${new URLSearchParams({ ...search, page: String(Math.ceil(data.total / ATTEMPT_PAGE)) }).toString()}`} />}
          <AttemptTable attempts={data.items} filtered={notification !== undefined} />
          <Pages page={page} size={ATTEMPT_PAGE} total={data.total} onPage={(next) => void navigate({ to: "/administration/attempts", search: { ...search, ...(next === 1 ? {} : { page: next }) } })} />
        </>
      )}
    </Loaded>
  );
}

/** Also said of what is no id at all. */
function NoTries() {
  return <EmptyState icon="bell" title={t("attempts.none")} text={t("attempts.noneHint")} />;
}

function AttemptTable({ attempts, filtered }: { attempts: readonly Attempt[]; filtered: boolean }) {
  const strategies = useStrategies();
  const nameOf = (id: string) => strategies.data?.find((each) => each.qualifiedId === id)?.displayName ?? id;
  return (
    <table className="w-full text-left">
      <thead className="text-sm text-muted">
        <tr className="border-b border-line">
          <th scope="col" className="py-2.5 pl-5 font-medium">
            {t("attempts.outcome")}
          </th>
          <th scope="col" className="px-3 py-2.5 font-medium max-sm:hidden">
            {t("attempts.channel")}
          </th>
          <th scope="col" className="px-3 py-2.5 text-right font-medium max-sm:hidden">
            {t("attempts.took")}
          </th>
          <th scope="col" className="py-2.5 pr-5 pl-3 text-right font-medium">
            {t("attempts.when")}
          </th>
        </tr>
      </thead>
      <tbody className="divide-y divide-line">
        {attempts.map(({ id, notificationId, strategyQualifiedId, attemptedAt, status, errorMessage, durationMs }) => (
          <tr key={id} data-testid="attempt-row" className="align-top">
            <td className="py-2.5 pl-5">
              <OutcomeMark outcome={status === "success" ? "delivered" : "failed"} />
              {status === "failure" && <p className="text-sm break-words text-muted">{errorMessage ?? t("dead.noReason")}</p>}
              {/* A narrow page has no room for these columns. */}
              <p className="text-sm text-muted sm:hidden">
                {nameOf(strategyQualifiedId)} · {latency(durationMs)}
              </p>
              {!filtered && (
                <Link to="/administration/attempts" search={{ notification: notificationId }} className="text-sm text-accent-text hover:underline">
                  {t("attempts.ofNotification")}
                </Link>
              )}
            </td>
            <td className="px-3 py-2.5 max-sm:hidden">{nameOf(strategyQualifiedId)}</td>
            <td className="px-3 py-2.5 text-right text-muted tabular-nums max-sm:hidden">{latency(durationMs)}</td>
            <td className="py-2.5 pr-5 pl-3 text-right text-muted">
              <RelativeTime at={attemptedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
