import { t } from "@/lib/i18n/later";
import { ErrorNote } from "@/ui/ErrorNote";
import { FormDialog } from "@/ui/FormDialog";
import { SelectField } from "@/ui/SelectField";
import { useForm } from "@/ui/use-form";
import { useRotateSecret, type Application } from "../applications";

interface NewSecretDialogProps {
  application: Application;
  onMade: (secret: string) => void;
  onClose: () => void;
}

/** Another secret for a key. The old one may live on for a while, so that programs can change over without a gap. */
export function NewSecretDialog({ application: { id, name }, onMade, onClose }: NewSecretDialogProps) {
  const rotate = useRotateSecret();
  const { form, field, submit } = useForm({ keepHours: "0" }, () => ({}));
  return (
    <FormDialog
      title={t("keys.newSecretTitle", { name })}
      submitText={t("keys.newSecret")}
      busy={rotate.isPending}
      form={form}
      onClose={onClose}
      onSubmit={submit(({ keepHours }) => rotate.mutate({ id, keepHours: Number(keepHours) }, { onSuccess: ({ secret }) => onMade(secret) }))}
    >
      <SelectField
        {...field("keepHours")}
        label={t("keys.oldSecret")}
        options={[
          { value: "0", text: t("keys.atOnce") },
          { value: "24", text: t("keys.inADay") },
          { value: "168", text: t("keys.inAWeek") },
        ]}
      />
      {rotate.isError && <ErrorNote error={rotate.error} />}
    </FormDialog>
  );
}
