import { useState } from "react";
import { ApiError } from "@/lib/api-error";
import { t } from "@/lib/i18n/later";
import { required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { useForm } from "@/ui/use-form";
import { useSecondFactor } from "../queries";

/** The second step of a sign-in. */
export function CodeForm({ onRestart }: { onRestart: () => void }) {
  const verify = useSecondFactor();
  const [kind, setKind] = useState<"app" | "recovery">("app");
  const { form, field, reset, submit } = useForm({ code: "" }, ({ code }) => ({ code: required(code, 40) }));
  const refused = verify.error instanceof ApiError && [400, 401].includes(verify.error.status) ? verify.error : undefined;
  // The password was checked too long ago, or the code was guessed at too often.
  const ended = refused !== undefined && /COOKIE|CHALLENGE|EXPIRED|TOO_MANY/.test(refused.code);
  return (
    <form ref={form} noValidate className="flex flex-col gap-5" onSubmit={submit(({ code }) => verify.mutate({ code: code.replaceAll(/\s/g, ""), kind }))}>
      {kind === "app" ? (
        <Field key="app" {...field("code")} label={t("factor.code")} hint={t("factor.codeHint")} inputMode="numeric" autoComplete="one-time-code" {...(refused && !ended ? { error: t("factor.wrong") } : {})} />
      ) : (
        <Field key="recovery" {...field("code")} label={t("factor.recoveryCode")} hint={t("factor.recoveryHint")} autoComplete="off" spellCheck={false} {...(refused && !ended ? { error: t("factor.wrong") } : {})} />
      )}
      {ended && (
        <p role="alert" className="text-sm text-unhealthy">
          {t("factor.ended")}
        </p>
      )}
      {verify.isError && !refused && <ErrorNote error={verify.error} />}
      <Button type="submit" tone="primary" busy={verify.isPending}>
        {t("signIn.submit")}
      </Button>
      <div className="flex flex-wrap justify-between gap-2">
        <Button
          tone="quiet"
          small
          className="-ml-2.5"
          onClick={() => {
            setKind(kind === "app" ? "recovery" : "app");
            reset();
            verify.reset();
          }}
        >
          {kind === "app" ? t("factor.useRecovery") : t("factor.useApp")}
        </Button>
        <Button tone="quiet" small className="-mr-2.5" onClick={onRestart}>
          {t("factor.restart")}
        </Button>
      </div>
    </form>
  );
}
