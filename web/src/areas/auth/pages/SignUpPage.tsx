import { Link } from "@tanstack/react-router";
import { t } from "@/lib/i18n/later";
import { email, newPassword, required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { Loaded } from "@/ui/Loaded";
import { PasswordField } from "@/ui/PasswordField";
import { Redirect } from "@/ui/Redirect";
import { Skeleton } from "@/ui/Skeleton";
import { useForm } from "@/ui/use-form";
import { AuthCard } from "../components/AuthCard";
import { useOnboardingStatus, useRegistrationStatus, useSession, useSignUp } from "../queries";

/** An account of one's own, while the administrators let anybody make one. */
export function SignUpPage() {
  const session = useSession();
  const onboarding = useOnboardingStatus();
  const status = useRegistrationStatus();
  if (session.data) return <Redirect to="/" />;
  if (onboarding.data?.needsOnboarding) return <Redirect to="/onboarding" />;
  const closed = status.data?.allowRegistration === false;
  return (
    <AuthCard title={t("signUp.title")} lead={closed ? t("signUp.closed") : t("signUp.lead")}>
      {closed ? (
        <Link to="/sign-in" className={buttonStyle("primary")}>
          {t("forgot.back")}
        </Link>
      ) : (
        <Loaded query={status} loading={<Skeleton rows={3} />}>
          {() => <SignUpForm />}
        </Loaded>
      )}
    </AuthCard>
  );
}

function SignUpForm() {
  const signUp = useSignUp();
  const { form, field, submit, refuse, unplaced } = useForm({ name: "", email: "", password: "" }, (values) => ({
    name: required(values.name, 200),
    email: email(values.email),
    password: newPassword(values.password),
  }));
  return (
    <form ref={form} noValidate className="flex flex-col gap-5" onSubmit={submit(({ name, email, password }) => signUp.mutate({ name: name.trim(), email: email.trim(), password }, { onError: refuse }))}>
      <Field {...field("name")} label={t("onboarding.name")} name="name" autoComplete="name" />
      <Field {...field("email")} label={t("onboarding.email")} type="email" name="email" autoComplete="username" />
      <PasswordField {...field("password")} label={t("onboarding.password")} hint={t("onboarding.passwordHint")} name="password" autoComplete="new-password" />
      {signUp.isError && unplaced(signUp.error) && <ErrorNote error={signUp.error} />}
      <Button type="submit" tone="primary" busy={signUp.isPending}>
        {t("signUp.submit")}
      </Button>
      <Link to="/sign-in" className={buttonStyle("quiet")}>
        {t("signUp.have")}
      </Link>
    </form>
  );
}
