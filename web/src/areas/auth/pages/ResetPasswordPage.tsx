import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ApiError } from "@/lib/api-error";
import { t } from "@/lib/i18n/later";
import { newPassword } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { ErrorNote } from "@/ui/ErrorNote";
import { Loaded } from "@/ui/Loaded";
import { PasswordField } from "@/ui/PasswordField";
import { Skeleton } from "@/ui/Skeleton";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { AuthCard } from "../components/AuthCard";
import { useResetPassword, useResetToken } from "../queries";

/** Where the link of a reset message leads. */
export function ResetPasswordPage() {
  const { token = "" } = useSearch({ from: "/reset-password" });
  const judged = useResetToken(token);
  const reset = useResetPassword();
  // It may run out, or be used in another tab, while the form is filled in.
  const refused = reset.error instanceof ApiError && reset.error.code === "INVALID_TOKEN";

  if (token === "" || refused || judged.data?.valid === false) {
    return (
      <AuthCard title={t("reset.badTitle")} lead={judged.data?.reason === "expired" ? t("reset.expired") : t("reset.invalid")}>
        <Link to="/forgot-password" className={buttonStyle("primary")}>
          {t("reset.again")}
        </Link>
      </AuthCard>
    );
  }
  return (
    <AuthCard title={t("reset.title")} lead={t("reset.lead")}>
      <Loaded query={judged} loading={<Skeleton rows={1} />}>
        {() => <ResetForm token={token} reset={reset} />}
      </Loaded>
    </AuthCard>
  );
}

function ResetForm({ token, reset }: { token: string; reset: ReturnType<typeof useResetPassword> }) {
  const navigate = useNavigate();
  const toast = useToast();
  const { form, field, submit, refuse, unplaced } = useForm({ newPassword: "" }, (values) => ({ newPassword: newPassword(values.newPassword) }));
  return (
    <form
      ref={form}
      noValidate
      className="flex flex-col gap-5"
      onSubmit={submit((values) =>
        reset.mutate(
          { token, newPassword: values.newPassword },
          {
            onSuccess: () => {
              toast({ text: t("reset.done") });
              void navigate({ to: "/sign-in", replace: true });
            },
            onError: refuse,
          },
        ),
      )}
    >
      <PasswordField {...field("newPassword")} label={t("account.newPassword")} hint={t("onboarding.passwordHint")} name="newPassword" autoComplete="new-password" />
      {reset.isError && unplaced(reset.error) && <ErrorNote error={reset.error} />}
      <Button type="submit" tone="primary" busy={reset.isPending}>
        {t("reset.submit")}
      </Button>
    </form>
  );
}
