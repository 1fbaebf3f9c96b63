import { t } from "@/lib/i18n/later";
import { newPassword, required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { ErrorNote } from "@/ui/ErrorNote";
import { PasswordField } from "@/ui/PasswordField";
import { Section } from "@/ui/Section";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { useChangePassword } from "../account";

export function PasswordSection() {
  const change = useChangePassword();
  const toast = useToast();
  const { form, field, reset, submit, refuse, unplaced } = useForm({ currentPassword: "", newPassword: "" }, (typed) => ({
    currentPassword: required(typed.currentPassword, 1024),
    newPassword: newPassword(typed.newPassword),
  }));
  return (
    <Section title={t("account.password")} hint={t("account.passwordHint")}>
      <form
        ref={form}
        noValidate
        className="flex max-w-[34rem] flex-col gap-5 p-5"
        onSubmit={submit((typed) =>
          change.mutate(typed, {
            onSuccess: () => {
              reset();
              toast({ text: t("account.passwordChanged") });
            },
            onError: refuse,
          }),
        )}
      >
        <PasswordField {...field("currentPassword")} label={t("account.currentPassword")} name="currentPassword" autoComplete="current-password" />
        <PasswordField {...field("newPassword")} label={t("account.newPassword")} hint={t("onboarding.passwordHint")} name="newPassword" autoComplete="new-password" />
        {change.isError && unplaced(change.error) && <ErrorNote error={change.error} />}
        <Button type="submit" tone="primary" busy={change.isPending} className="self-start">
          {t("account.changePassword")}
        </Button>
      </form>
    </Section>
  );
}
