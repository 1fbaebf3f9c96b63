import type { UseMutationResult } from "@tanstack/react-query";
import { t } from "@/lib/i18n/later";
import { required } from "@/lib/validate";
import { ErrorNote } from "@/ui/ErrorNote";
import { FormDialog } from "@/ui/FormDialog";
import { PasswordField } from "@/ui/PasswordField";
import { useForm } from "@/ui/use-form";

interface PasswordDialogProps<T> {
  title: string;
  lead: string;
  submitText: string;
  /** Called with the password. */
  mutation: UseMutationResult<T, Error, string>;
  onDone: (answer: T) => void;
  onClose: () => void;
}

/** Asks for the password again, before what somebody at an unattended screen must not be able to do. */
export function PasswordDialog<T>({ title, lead, submitText, mutation, onDone, onClose }: PasswordDialogProps<T>) {
  const { form, field, submit, refuse, unplaced } = useForm({ password: "" }, ({ password }) => ({ password: required(password, 1024) }));
  const close = () => {
    onClose();
    mutation.reset();
  };
  return (
    <FormDialog title={title} lead={lead} submitText={submitText} busy={mutation.isPending} form={form} onClose={close} onSubmit={submit(({ password }) => mutation.mutate(password, { onSuccess: onDone, onError: refuse }))}>
      <PasswordField {...field("password")} label={t("signIn.password")} autoComplete="current-password" />
      {mutation.isError && unplaced(mutation.error) && <ErrorNote error={mutation.error} />}
    </FormDialog>
  );
}
