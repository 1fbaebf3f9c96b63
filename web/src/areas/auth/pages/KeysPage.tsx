import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { EmptyState } from "@/ui/EmptyState";
import { Icon } from "@/ui/Icon";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Pages } from "@/ui/Pages";
import { Skeleton } from "@/ui/Skeleton";
import { Surface } from "@/ui/Surface";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { useApplications } from "../applications";
import { AddKeyDialog } from "../components/KeyDialog";
import { KeyRow } from "../components/KeyRow";
import { NeedsRule } from "../components/NeedsRule";
import { SecretDialog } from "../components/SecretDialog";
import { useRoles } from "../people";
import { useAccess } from "../queries";

const PAGE_SIZE = 20;

/** The keys by which programs call the server. */
export function KeysPage() {
  return (
    <NeedsRule title={t("keys.title")} rules={["auth.applications.manage"]}>
      <Keys />
    </NeedsRule>
  );
}

function Keys() {
  const { page = 1 } = useSearch({ from: "/shell/administration/keys" });
  const navigate = useNavigate();
  const applications = useApplications();
  const roles = useRoles(useAccess()("auth.roles.read"));
  const [adding, setAdding] = useState(false);
  const [told, setTold] = useState<{ name: string; secret: string }>();
  const kept = useKeptFocus<HTMLUListElement>();
  const tell = (name: string, secret: string) => setTold({ name, secret });
  const add = (
    <Button tone="primary" onClick={() => setAdding(true)}>
      <Icon name="plus" />
      {t("keys.add")}
    </Button>
  );
  const some = (applications.data?.length ?? 0) > 0;

  return (
    <>
      <PageHeader title={t("keys.title")} lead={t("keys.lead")} actions={some && add} />
      <Surface>
        <Loaded
          query={applications}
          loading={<Skeleton rows={3} className="h-20" />}
          isEmpty={(all) => all.length === 0}
          empty={() => (
            <EmptyState icon="shield" title={t("keys.empty")} text={t("keys.emptyHint")}>
              {add}
            </EmptyState>
          )}
        >
          {(all) => {
            const shown = Math.min(page, Math.ceil(all.length / PAGE_SIZE));
            return (
              <>
                <ul {...kept} className="divide-y divide-line">
                  {all.slice((shown - 1) * PAGE_SIZE, shown * PAGE_SIZE).map((application) => (
                    <KeyRow key={application.id} application={application} roles={roles.data} onSecret={tell} />
                  ))}
                </ul>
                <Pages page={shown} size={PAGE_SIZE} total={all.length} onPage={(next) => void navigate({ to: "/administration/keys", search: next === 1 ? {} : { page: next } })} />
              </>
            );
          }}
        </Loaded>
      </Surface>
      {adding && (
        <AddKeyDialog
          onMade={(name, secret) => {
            setAdding(false);
            tell(name, secret);
          }}
          onClose={() => setAdding(false)}
        />
      )}
      {told && <SecretDialog name={told.name} secret={told.secret} onClose={() => setTold(undefined)} />}
    </>
  );
}
