import { Link, useSearch } from "@tanstack/react-router";
import { ApiError } from "@/lib/api-error";
import { t } from "@/lib/i18n/later";
import { email, required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { ErrorNote } from "@/ui/ErrorNote";
import { ErrorState } from "@/ui/ErrorState";
import { Field } from "@/ui/Field";
import { PasswordField } from "@/ui/PasswordField";
import { Redirect } from "@/ui/Redirect";
import { useForm } from "@/ui/use-form";
import { AuthCard } from "../components/AuthCard";
import { CodeForm } from "../components/CodeForm";
import { useOnboardingStatus, useRegistrationStatus, useSession, useSignIn } from "../queries";

export function SignInPage() {
  const { redirect } = useSearch({ from: "/sign-in" });
  const session = useSession();
  const onboarding = useOnboardingStatus();
  const registration = useRegistrationStatus();
  const signIn = useSignIn();
  const { form, field, submit } = useForm({ email: "", password: "" }, (values) => ({
    email: email(values.email),
    password: required(values.password, 1024),
  }));

  if (session.data) return <Redirect to={redirect ?? "/"} />;
  if (onboarding.data?.needsOnboarding) return <Redirect to="/onboarding" />;

  if (signIn.data === "secondFactor") {
    return (
      <AuthCard title={t("factor.askTitle")} lead={t("factor.askLead")}>
        <CodeForm onRestart={() => signIn.reset()} />
      </AuthCard>
    );
  }

  // Nobody is told which of the two was wrong, so both stay and neither is marked.
  const wrong = signIn.error instanceof ApiError && signIn.error.status === 401;
  return (
    <AuthCard title={t("signIn.title")} lead={t("signIn.lead")}>
      {session.isError && onboarding.isError ? (
        <ErrorState error={session.error} onRetry={() => void Promise.all([session.refetch(), onboarding.refetch()])} />
      ) : (
        <form ref={form} noValidate onSubmit={submit((values) => signIn.mutate({ email: values.email.trim(), password: values.password }))} className="flex flex-col gap-5">
          <Field {...field("email")} label={t("signIn.email")} type="email" name="email" autoComplete="username" />
          <PasswordField {...field("password")} label={t("signIn.password")} name="password" autoComplete="current-password" />
          {wrong && (
            <p role="alert" className="text-sm text-unhealthy">
              {t("signIn.wrong")}
            </p>
          )}
          {signIn.isError && !wrong && <ErrorNote error={signIn.error} />}
          <Button type="submit" tone="primary" busy={signIn.isPending}>
            {t("signIn.submit")}
          </Button>
          <div className="flex flex-wrap justify-between gap-x-4 gap-y-2 text-sm font-medium">
            <Link to="/forgot-password" className="inline-flex min-h-6 items-center rounded text-accent-text hover:underline">
              {t("signIn.forgot")}
            </Link>
            {registration.data?.allowRegistration === true && (
              <Link to="/sign-up" className="inline-flex min-h-6 items-center rounded text-accent-text hover:underline">
                {t("signIn.signUp")}
              </Link>
            )}
          </div>
        </form>
      )}
    </AuthCard>
  );
}
