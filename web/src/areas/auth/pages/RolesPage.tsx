import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { Icon } from "@/ui/Icon";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { NeedsRule } from "../components/NeedsRule";
import { ADMIN, useDeleteRole, useRoles, type Role } from "../people";
import { useAccess } from "../queries";

/** Every role and how much it allows. The built-in ones are always there, so the list is never empty. */
export function RolesPage() {
  const mayAdd = useAccess()("auth.roles.create.manage");
  return (
    <NeedsRule title={t("roles.title")} rules={["auth.roles.read"]}>
      <PageHeader
        title={t("roles.title")}
        lead={t("roles.lead")}
        actions={
          mayAdd && (
            <Link to="/administration/roles/new" className={buttonStyle("primary")}>
              <Icon name="plus" />
              {t("roles.add")}
            </Link>
          )
        }
      />
      <Surface>
        <RoleList />
      </Surface>
    </NeedsRule>
  );
}

function RoleList() {
  const roles = useRoles();
  const mayDelete = useAccess()("auth.roles.delete.manage");
  const remove = useDeleteRole();
  const [deleting, setDeleting] = useState<Role>();
  const kept = useKeptFocus<HTMLUListElement>();
  return (
    <Loaded query={roles} loading={<Skeleton rows={4} className="h-16" />}>
      {(all) => (
        <>
          <ul {...kept} className="divide-y divide-line">
            {all.map((role) => (
              <li key={role.id} data-testid="role-row" className="flex items-center justify-between gap-4 px-5 py-3.5">
                <div className="min-w-0">
                  <h2 className="truncate font-medium">
                    <Link to="/administration/roles/$roleId" params={{ roleId: role.id }} className="inline-flex min-h-6 items-center rounded hover:underline">
                      {role.name}
                    </Link>
                    {role.isSystem && <span className="ml-2 text-sm font-normal text-muted">{t("roles.builtIn")}</span>}
                  </h2>
                  <p className="text-sm text-muted">
                    {[role.description, role.id === ADMIN ? t("roles.all") : t("roles.count", { count: role.accessRules.length })].filter((part) => part !== "").join(" · ")}
                  </p>
                </div>
                {mayDelete && !role.isSystem && (
                  <Button tone="quiet" small className="-mr-2.5" aria-label={t("roles.deleteOne", { role: role.name })} onClick={() => setDeleting(role)}>
                    {t("action.delete")}
                  </Button>
                )}
              </li>
            ))}
          </ul>
          {deleting && (
            <ConfirmMutation
              mutation={remove}
              variables={deleting}
              title={t("roles.deleteTitle", { role: deleting.name })}
              text={t("roles.deleteText")}
              confirm={t("roles.deleteConfirm")}
              done={t("roles.deleted", { role: deleting.name })}
              onClose={() => setDeleting(undefined)}
            />
          )}
        </>
      )}
    </Loaded>
  );
}
