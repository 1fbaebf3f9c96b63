import { ApiError } from "@/lib/api-error";
import { t } from "@/lib/i18n/later";
import { required } from "@/lib/validate";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { FormDialog } from "@/ui/FormDialog";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { useAddGroup, useRenameGroup, type Group } from "../queries";

/** Makes a group, or gives one another name. */
export function GroupDialog({ group, onClose }: { group?: Group | undefined; onClose: () => void }) {
  const add = useAddGroup();
  const rename = useRenameGroup();
  const toast = useToast();
  const { form, field, values, submit, refuse, unplaced } = useForm({ name: group?.name ?? "" }, ({ name }) => ({ name: required(name, 200) }));
  const error = add.error ?? rename.error;
  const tried = add.variables ?? rename.variables?.name;
  const taken = error instanceof ApiError && error.status === 409 && tried === values.name.trim();
  const done = {
    onSuccess: () => {
      toast({ text: t("common.saved") });
      onClose();
    },
    onError: refuse,
  };
  return (
    <FormDialog
      title={group ? t("groups.rename", { group: group.name }) : t("groups.add")}
      submitText={group ? t("action.save") : t("groups.add")}
      busy={add.isPending || rename.isPending}
      form={form}
      onClose={onClose}
      onSubmit={submit(({ name }) => (group ? rename.mutate({ id: group.id, name: name.trim() }, done) : add.mutate(name.trim(), done)))}
    >
      <Field {...field("name")} label={t("groups.name")} autoComplete="off" {...(taken ? { error: t("groups.nameTaken") } : {})} />
      {error !== null && !taken && unplaced(error) && <ErrorNote error={error} />}
    </FormDialog>
  );
}
