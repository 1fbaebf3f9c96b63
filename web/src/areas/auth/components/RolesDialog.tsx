import { useRef, useState } from "react";
import { t } from "@/lib/i18n/later";
import { ErrorNote } from "@/ui/ErrorNote";
import { FormDialog } from "@/ui/FormDialog";
import { useToast } from "@/ui/toasts";
import { useSetUserRoles, type User } from "../people";
import { RoleChoices } from "./RoleChoices";

/** Which roles a user has. */
export function RolesDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const [roles, setRoles] = useState(user.roles);
  const save = useSetUserRoles();
  const toast = useToast();
  const form = useRef<HTMLFormElement>(null);
  return (
    <FormDialog
      title={t("users.rolesOf", { user: user.name })}
      lead={t("users.rolesLead")}
      submitText={t("action.save")}
      busy={save.isPending}
      form={form}
      onClose={onClose}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(
          { userId: user.id, roles },
          {
            onSuccess: () => {
              toast({ text: t("common.saved") });
              onClose();
            },
          },
        );
      }}
    >
      <RoleChoices chosen={roles} onChange={setRoles} />
      {save.isError && <ErrorNote error={save.error} />}
    </FormDialog>
  );
}
