import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { ADMIN, useDeleteUser, type Role, type User } from "../people";
import { useAccess } from "../queries";
import { RolesDialog } from "./RolesDialog";

interface UserRowProps {
  user: User;
  /** Undefined for who may not read them; then their ids stand for them. */
  roles: readonly Role[] | undefined;
  isSelf: boolean;
}

export function UserRow({ user, roles, isSelf }: UserRowProps) {
  const has = useAccess();
  const [open, setOpen] = useState<"roles" | "delete">();
  const remove = useDeleteUser();
  const nameOf = (id: string) => roles?.find((role) => role.id === id)?.name ?? id;
  const close = () => setOpen(undefined);
  return (
    <li data-testid="user-row" className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-5 py-3.5">
      <div className="min-w-0">
        <h2 className="truncate font-medium">
          {user.name}
          {isSelf && <span className="ml-2 text-sm font-normal text-muted">{t("users.you")}</span>}
        </h2>
        <p className="text-sm break-all text-muted">{user.email}</p>
        <p className="text-sm text-muted">{user.roles.length === 0 ? t("users.noRoles") : user.roles.map(nameOf).join(", ")}</p>
      </div>
      {/* Nobody changes their own roles, or deletes themselves or an administrator. */}
      {has("auth.users.manage") && !isSelf && (
        <div className="-mr-2.5 flex flex-wrap">
          {has("auth.roles.read") && (
            <Button tone="quiet" small aria-label={t("users.rolesOf", { user: user.name })} onClick={() => setOpen("roles")}>
              {t("users.roles")}
            </Button>
          )}
          {!user.roles.includes(ADMIN) && (
            <Button tone="quiet" small aria-label={t("users.deleteOne", { user: user.name })} onClick={() => setOpen("delete")}>
              {t("action.delete")}
            </Button>
          )}
        </div>
      )}
      {open === "roles" && <RolesDialog user={user} onClose={close} />}
      {open === "delete" && (
        <ConfirmMutation
          mutation={remove}
          variables={user}
          title={t("users.deleteTitle", { user: user.name })}
          text={t("users.deleteText")}
          confirm={t("users.deleteConfirm")}
          done={t("users.deleted", { user: user.name })}
          onClose={close}
        />
      )}
    </li>
  );
}
