import { useState } from "react";
import { useUsers } from "@/areas/auth/people";
import { useAccess } from "@/areas/auth/queries";
import { ApiError } from "@/lib/api-error";
import { t } from "@/lib/i18n/later";
import { email } from "@/lib/validate";
import { Choice } from "@/ui/Choice";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { FormDialog } from "@/ui/FormDialog";
import { SelectField } from "@/ui/SelectField";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { useAddContact, type Contact } from "../queries";

interface ContactDialogProps {
  systemId: string;
  /** Who is there already is not offered again. */
  contacts: readonly Contact[];
  onClose: () => void;
}

/** Names somebody who answers for a system: a user, or an address of a mailbox. */
export function ContactDialog({ systemId, contacts, onClose }: ContactDialogProps) {
  const mayReadUsers = useAccess()("auth.users.read");
  const users = useUsers(mayReadUsers);
  const add = useAddContact();
  const toast = useToast();
  const [type, setType] = useState<Contact["type"]>("mailbox");
  const free = (users.data ?? []).filter((user) => !contacts.some((each) => each.type === "user" && each.userId === user.id));
  const { form, field, values, submit, refuse, unplaced } = useForm({ userId: "", email: "", label: "" }, (typed) => ({
    userId: type === "user" && typed.userId === "" ? t("form.choose") : undefined,
    email: type === "mailbox" ? email(typed.email) : undefined,
    label: typed.label.trim().length > 120 ? t("form.tooLong", { max: 120 }) : undefined,
  }));
  const taken = add.error instanceof ApiError && add.error.status === 409 && add.variables?.email === values.email.trim();
  return (
    <FormDialog
      title={t("contacts.add")}
      submitText={t("contacts.add")}
      busy={add.isPending}
      form={form}
      onClose={onClose}
      onSubmit={submit(({ userId, email, label }) =>
        add.mutate(
          { systemId, type, ...(type === "user" ? { userId } : { email: email.trim() }), ...(label.trim() === "" ? {} : { label: label.trim() }) },
          {
            onSuccess: () => {
              toast({ text: t("common.saved") });
              onClose();
            },
            onError: refuse,
          },
        ),
      )}
    >
      {mayReadUsers && (
        <div>
          <Choice
            label={t("contacts.kind")}
            value={type}
            options={[
              { value: "mailbox", text: t("contacts.mailbox") },
              { value: "user", text: t("contacts.user") },
            ]}
            onChange={setType}
          />
        </div>
      )}
      {type === "user" ? (
        <SelectField
          {...field("userId")}
          label={t("contacts.user")}
          options={[{ value: "", text: free.length === 0 ? t("contacts.nobody") : t("contacts.choose") }, ...free.map((user) => ({ value: user.id, text: `${user.name} (${user.email})` }))]}
        />
      ) : (
        <Field {...field("email")} label={t("onboarding.email")} type="email" autoComplete="off" {...(taken ? { error: t("contacts.taken") } : {})} />
      )}
      <Field {...field("label")} label={t("contacts.label")} hint={t("contacts.labelHint")} autoComplete="off" />
      {add.isError && !taken && unplaced(add.error) && <ErrorNote error={add.error} />}
    </FormDialog>
  );
}
