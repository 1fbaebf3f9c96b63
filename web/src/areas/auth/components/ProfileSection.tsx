import { ApiError } from "@/lib/api-error";
import type { Output } from "@/lib/client";
import { t } from "@/lib/i18n/later";
import { email, required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { Loaded } from "@/ui/Loaded";
import { PasswordField } from "@/ui/PasswordField";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { useChangeProfile, useProfile } from "../account";

/** Name and address of its reader. */
export function ProfileSection() {
  const profile = useProfile();
  return (
    <Section title={t("account.profile")}>
      <Loaded query={profile} loading={<Skeleton rows={2} className="h-20" />}>
        {(data) => <ProfileForm profile={data} />}
      </Loaded>
    </Section>
  );
}

function ProfileForm({ profile }: { profile: Output<"auth", "getCurrentUserProfile"> }) {
  const save = useChangeProfile();
  const toast = useToast();
  const isOther = (typed: string) => typed.trim().toLowerCase() !== profile.email.toLowerCase();
  const { form, field, values, set, submit, refuse, unplaced } = useForm({ name: profile.name, email: profile.email, currentPassword: "" }, (typed) => ({
    name: required(typed.name, 200),
    email: email(typed.email),
    currentPassword: isOther(typed.email) ? required(typed.currentPassword, 1024) : undefined,
  }));
  const taken = save.error instanceof ApiError && save.error.status === 409 && save.variables?.email === values.email.trim();
  return (
    <form
      ref={form}
      noValidate
      className="flex max-w-[34rem] flex-col gap-5 p-5"
      onSubmit={submit(({ name, email, currentPassword }) =>
        save.mutate(
          { name: name.trim(), ...(isOther(email) ? { email: email.trim(), currentPassword } : {}) },
          {
            onSuccess: () => {
              set("currentPassword", "");
              toast({ text: t("common.saved") });
            },
            onError: refuse,
          },
        ),
      )}
    >
      <Field {...field("name")} label={t("onboarding.name")} name="name" autoComplete="name" />
      <Field
        {...field("email")}
        label={t("onboarding.email")}
        type="email"
        name="email"
        autoComplete="email"
        readOnly={!profile.hasCredentialAccount}
        {...(taken ? { error: t("users.emailTaken") } : {})}
      />
      {isOther(values.email) && <PasswordField {...field("currentPassword")} label={t("account.currentPassword")} hint={t("account.emailHint")} autoComplete="current-password" />}
      {save.isError && !taken && unplaced(save.error) && <ErrorNote error={save.error} />}
      <Button type="submit" tone="primary" busy={save.isPending} className="self-start">
        {t("action.save")}
      </Button>
    </form>
  );
}
