import { Link } from "@tanstack/react-router";
import { t } from "@/lib/i18n/later";
import { email } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { useForm } from "@/ui/use-form";
import { AuthCard } from "../components/AuthCard";
import { useRequestReset } from "../queries";

/** Asks for a link to a new password. Whether anybody has the address is not told. */
export function ForgotPasswordPage() {
  const request = useRequestReset();
  const { form, field, submit, refuse, unplaced } = useForm({ email: "" }, (values) => ({ email: email(values.email) }));
  if (request.isSuccess) {
    return (
      <AuthCard title={t("forgot.sentTitle")} lead={t("forgot.sent")}>
        <p className="mb-6 text-sm text-muted">
          {t("forgot.noChannel")} <code className="font-mono text-xs">watchbell admin reset</code>
        </p>
        <Link to="/sign-in" className={buttonStyle("primary")}>
          {t("forgot.back")}
        </Link>
      </AuthCard>
    );
  }
  return (
    <AuthCard title={t("forgot.title")} lead={t("forgot.lead")}>
      <form ref={form} noValidate onSubmit={submit((values) => request.mutate(values.email.trim(), { onError: refuse }))} className="flex flex-col gap-5">
        <Field {...field("email")} label={t("signIn.email")} type="email" name="email" autoComplete="username" />
        {request.isError && unplaced(request.error) && <ErrorNote error={request.error} />}
        <Button type="submit" tone="primary" busy={request.isPending}>
          {t("forgot.submit")}
        </Button>
        <Link to="/sign-in" className={buttonStyle("quiet")}>
          {t("forgot.back")}
        </Link>
      </form>
    </AuthCard>
  );
}
