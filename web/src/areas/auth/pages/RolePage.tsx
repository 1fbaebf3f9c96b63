import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { NeedsRule } from "../components/NeedsRule";
import { RuleChoices } from "../components/RuleChoices";
import { ADMIN, useRoles, useRules, useSaveRole, type Role } from "../people";
import { accessQuery, useAccess } from "../queries";

/** A role that is being made. */
export function AddRolePage() {
  return (
    <NeedsRule title={t("roles.add")} rules={["auth.roles.create.manage"]}>
      <PageHeader title={t("roles.add")} />
      <RoleForm role={undefined} readOnly={false} />
    </NeedsRule>
  );
}

/** A role, its name and what it allows. */
export function RolePage() {
  const { roleId } = useParams({ from: "/shell/administration/roles/$roleId" });
  return (
    <NeedsRule title={t("roles.one")} rules={["auth.roles.read"]}>
      <KnownRole key={roleId} roleId={roleId} />
    </NeedsRule>
  );
}

function KnownRole({ roleId }: { roleId: string }) {
  const roles = useRoles();
  const mayChange = useAccess()("auth.roles.update.manage");
  return (
    <Loaded
      query={roles}
      loading={
        <Surface>
          <Skeleton rows={4} className="h-16" />
        </Surface>
      }
    >
      {(all) => {
        const role = all.find((each) => each.id === roleId);
        if (!role) {
          return (
            <Surface>
              <EmptyState page icon="search" title={t("roles.gone")}>
                <Link to="/administration/roles" className={buttonStyle("primary")}>
                  {t("roles.back")}
                </Link>
              </EmptyState>
            </Surface>
          );
        }
        return (
          <>
            <PageHeader title={role.name} lead={role.id === ADMIN ? t("roles.adminLead") : role.isSystem ? t("roles.builtInLead") : undefined} />
            <RoleForm role={role} readOnly={!mayChange} />
          </>
        );
      }}
    </Loaded>
  );
}

function RoleForm({ role, readOnly }: { role: Role | undefined; readOnly: boolean }) {
  const rules = useRules();
  const own = useQuery(accessQuery).data?.accessRules ?? [];
  const save = useSaveRole();
  const navigate = useNavigate();
  const toast = useToast();
  const [chosen, setChosen] = useState(() => new Set(role?.accessRules));
  const { form, field, submit, refuse, unplaced } = useForm({ name: role?.name ?? "", description: role?.description ?? "" }, ({ name }) => ({ name: required(name, 100) }));
  const leave = () => void navigate({ to: "/administration/roles" });

  return (
    <form
      ref={form}
      noValidate
      onSubmit={submit(({ name, description }) =>
        save.mutate(
          { id: role?.id, name: name.trim(), description: description.trim(), accessRules: [...chosen] },
          {
            onSuccess: () => {
              toast({ text: t("common.saved") });
              leave();
            },
            onError: refuse,
          },
        ),
      )}
    >
      <Surface className="flex flex-col gap-5 p-5 sm:p-6">
        <Field {...field("name")} label={t("roles.name")} autoComplete="off" readOnly={readOnly} className="max-w-[34rem]" />
        <Field {...field("description")} label={t("roles.description")} autoComplete="off" readOnly={readOnly} className="max-w-[34rem]" />
      </Surface>
      <h2 className="mt-8 mb-3 text-lg font-semibold">{t("roles.allows")}</h2>
      <Surface className="p-5 sm:p-6">
        <Loaded query={rules} loading={<Skeleton rows={6} className="h-10" />}>
          {(all) => <RuleChoices rules={all} roleId={role?.id} own={own} chosen={chosen} readOnly={readOnly} onChange={setChosen} />}
        </Loaded>
      </Surface>
      <div className="mt-6 flex flex-col gap-4">
        {save.isError && unplaced(save.error) && <ErrorNote error={save.error} />}
        {!readOnly && (
          <div className="flex flex-wrap gap-2">
            <Button type="submit" tone="primary" busy={save.isPending}>
              {role ? t("action.save") : t("roles.add")}
            </Button>
            <Button tone="quiet" onClick={leave}>
              {t("action.cancel")}
            </Button>
          </div>
        )}
      </div>
    </form>
  );
}
