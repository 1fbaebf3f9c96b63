import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { EmptyState } from "@/ui/EmptyState";
import { Field } from "@/ui/Field";
import { Icon } from "@/ui/Icon";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Pages } from "@/ui/Pages";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { AddUserDialog } from "../components/AddUserDialog";
import { NeedsRule } from "../components/NeedsRule";
import { RegistrationSection } from "../components/RegistrationSection";
import { UserRow } from "../components/UserRow";
import { useRoles, useUsers, type User } from "../people";
import { useAccess, useSession } from "../queries";

const PAGE_SIZE = 20;
/** As many as the server answers at once. */
const MOST = 1_000;

/** Who has an account, what roles they have, and whether others may make one. */
export function UsersPage() {
  const has = useAccess();
  const [adding, setAdding] = useState(false);
  return (
    <NeedsRule title={t("users.title")} rules={["auth.users.read", "auth.users.create.manage", "auth.registration.manage"]}>
      <PageHeader
        title={t("users.title")}
        lead={t("users.lead")}
        actions={
          has("auth.users.create.manage") && (
            <Button tone="primary" onClick={() => setAdding(true)}>
              <Icon name="plus" />
              {t("users.add")}
            </Button>
          )
        }
      />
      {has("auth.users.read") && <UserList />}
      {has("auth.registration.manage") && <RegistrationSection />}
      {adding && <AddUserDialog onClose={() => setAdding(false)} />}
    </NeedsRule>
  );
}

function UserList() {
  const { find = "", page = 1 } = useSearch({ from: "/shell/administration/users" });
  const navigate = useNavigate();
  const users = useUsers();
  const roles = useRoles(useAccess()("auth.roles.read"));
  const self = useSession().data?.user.id;
  const kept = useKeptFocus<HTMLUListElement>();
  const open = (next: { find?: string; page?: number }) => void navigate({ to: "/administration/users", search: next, replace: true, resetScroll: false });

  return (
    <Loaded
      query={users}
      loading={
        <Surface>
          <Skeleton rows={4} className="h-20" />
        </Surface>
      }
    >
      {(all) => {
        const found = all.filter((user) => matches(user, find));
        const shown = Math.min(page, Math.max(1, Math.ceil(found.length / PAGE_SIZE)));
        return (
          <>
            <Field label={t("users.find")} type="search" value={find} onValue={(typed) => open(typed === "" ? {} : { find: typed })} className="mb-4 max-w-80" />
            {all.length >= MOST && <p className="mb-3 text-sm text-muted">{t("users.cut", { count: MOST })}</p>}
            <Surface>
              {found.length === 0 ? (
                <EmptyState icon="search" title={t("users.noMatch")}>
                  <Button onClick={() => open({})}>{t("systems.clearFilter")}</Button>
                </EmptyState>
              ) : (
                <ul {...kept} className="divide-y divide-line">
                  {found.slice((shown - 1) * PAGE_SIZE, shown * PAGE_SIZE).map((user) => (
                    <UserRow key={user.id} user={user} roles={roles.data} isSelf={user.id === self} />
                  ))}
                </ul>
              )}
              <Pages page={shown} size={PAGE_SIZE} total={found.length} onPage={(next) => open({ ...(find === "" ? {} : { find }), ...(next === 1 ? {} : { page: next }) })} />
            </Surface>
          </>
        );
      }}
    </Loaded>
  );
}

function matches({ name, email }: User, find: string): boolean {
  const wanted = find.trim().toLowerCase();
  return name.toLowerCase().includes(wanted) || email.toLowerCase().includes(wanted);
}
