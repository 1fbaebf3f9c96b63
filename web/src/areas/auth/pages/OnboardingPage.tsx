import { ApiError } from "@/lib/api-error";
import { t } from "@/lib/i18n/later";
import { email, newPassword, required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { ErrorNote } from "@/ui/ErrorNote";
import { ErrorState } from "@/ui/ErrorState";
import { Field } from "@/ui/Field";
import { PasswordField } from "@/ui/PasswordField";
import { Redirect } from "@/ui/Redirect";
import { useForm } from "@/ui/use-form";
import { AuthCard } from "../components/AuthCard";
import { useCompleteOnboarding, useOnboardingStatus, useSession } from "../queries";

export function OnboardingPage() {
  const status = useOnboardingStatus();
  const session = useSession();
  const complete = useCompleteOnboarding();
  const asksToken = status.data?.setupTokenRequired === true;
  const { form, field, submit } = useForm({ name: "", email: "", password: "", setupToken: "" }, (values) => ({
    name: required(values.name, 200),
    email: email(values.email),
    password: newPassword(values.password),
    setupToken: asksToken ? required(values.setupToken, 200) : undefined,
  }));

  if (session.data) return <Redirect to="/" />;
  if (status.data && !status.data.needsOnboarding && !complete.isPending) return <Redirect to="/sign-in" />;

  const badToken = asksToken && complete.error instanceof ApiError && complete.error.status === 403;
  return (
    <AuthCard title={t("onboarding.title")} lead={t("onboarding.lead")}>
      {status.isError ? (
        <ErrorState error={status.error} onRetry={() => void status.refetch()} />
      ) : (
        <form
          ref={form}
          noValidate
          onSubmit={submit(({ name, email, password, setupToken }) =>
            complete.mutate({ name: name.trim(), email: email.trim(), password, ...(asksToken ? { setupToken: setupToken.trim() } : {}) }),
          )}
          className="flex flex-col gap-5"
        >
          <Field {...field("name")} label={t("onboarding.name")} name="name" autoComplete="name" />
          <Field {...field("email")} label={t("onboarding.email")} type="email" name="email" autoComplete="username" />
          <PasswordField {...field("password")} label={t("onboarding.password")} hint={t("onboarding.passwordHint")} name="password" autoComplete="new-password" />
          {asksToken && <Field {...field("setupToken")} label={t("onboarding.setupToken")} hint={t("onboarding.setupTokenHint")} autoComplete="off" {...(badToken ? { error: t("onboarding.badToken") } : {})} />}
          {complete.isError && !badToken && <ErrorNote error={complete.error} />}
          <Button type="submit" tone="primary" busy={complete.isPending}>
            {t("onboarding.submit")}
          </Button>
        </form>
      )}
    </AuthCard>
  );
}
