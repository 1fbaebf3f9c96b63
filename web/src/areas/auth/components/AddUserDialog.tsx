import { ApiError } from "@/lib/api-error";
import { t } from "@/lib/i18n/later";
import { email, newPassword, required } from "@/lib/validate";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { FormDialog } from "@/ui/FormDialog";
import { PasswordField } from "@/ui/PasswordField";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { useAddUser } from "../people";

/** An account with a password, made for somebody. */
export function AddUserDialog({ onClose }: { onClose: () => void }) {
  const add = useAddUser();
  const toast = useToast();
  const { form, field, values, submit, refuse, unplaced } = useForm({ name: "", email: "", password: "" }, (typed) => ({
    name: required(typed.name, 200),
    email: email(typed.email),
    password: newPassword(typed.password),
  }));
  const taken = add.error instanceof ApiError && add.error.status === 409 && add.variables?.email === values.email.trim();
  return (
    <FormDialog
      title={t("users.add")}
      lead={t("users.addLead")}
      submitText={t("users.add")}
      busy={add.isPending}
      form={form}
      onClose={onClose}
      onSubmit={submit(({ name, email, password }) =>
        add.mutate(
          { name: name.trim(), email: email.trim(), password },
          {
            onSuccess: () => {
              toast({ text: t("users.added", { user: name.trim() }) });
              onClose();
            },
            onError: refuse,
          },
        ),
      )}
    >
      <Field {...field("name")} label={t("onboarding.name")} autoComplete="off" />
      <Field {...field("email")} label={t("onboarding.email")} type="email" autoComplete="off" {...(taken ? { error: t("users.emailTaken") } : {})} />
      <PasswordField {...field("password")} label={t("users.firstPassword")} hint={t("onboarding.passwordHint")} autoComplete="new-password" />
      {add.isError && !taken && unplaced(add.error) && <ErrorNote error={add.error} />}
    </FormDialog>
  );
}
