import { t } from "@/lib/i18n/later";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { useDeleteSystem, type System } from "../queries";

interface DeleteSystemProps {
  system: System;
  onDone?: () => void;
  onClose: () => void;
}

/** Asks before a system goes, with all that hangs on it. */
export function DeleteSystem({ system, onDone, onClose }: DeleteSystemProps) {
  const remove = useDeleteSystem();
  return (
    <ConfirmMutation
      mutation={remove}
      variables={system.id}
      title={t("system.deleteTitle", { system: system.name })}
      text={t("system.deleteText")}
      confirm={t("system.deleteConfirm")}
      done={t("system.deleted", { system: system.name })}
      {...(onDone ? { onDone } : {})}
      onClose={onClose}
    />
  );
}
