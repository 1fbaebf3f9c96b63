import { useState } from "react";
import { date } from "@/lib/format";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { RelativeTime } from "@/ui/RelativeTime";
import { useDeleteApplication, useRevokeApplication, type Application } from "../applications";
import type { Role } from "../people";
import { EditKeyDialog } from "./KeyDialog";
import { NewSecretDialog } from "./NewSecretDialog";

interface KeyRowProps {
  application: Application;
  /** Undefined for who may not read them; then their ids stand for them. */
  roles: readonly Role[] | undefined;
  onSecret: (name: string, secret: string) => void;
}

/** A key, what it may do, how often, and when it was used. One that is revoked or expired opens nothing any more. */
export function KeyRow({ application, roles, onSecret }: KeyRowProps) {
  const { name, description, rateLimit } = application;
  const [open, setOpen] = useState<"edit" | "secret" | "revoke" | "delete">();
  const revoke = useRevokeApplication();
  const remove = useDeleteApplication();
  const nameOf = (id: string) => roles?.find((role) => role.id === id)?.name ?? id;
  const close = () => setOpen(undefined);
  return (
    <li data-testid="key-row" className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-5 py-3.5">
      <div className="min-w-0">
        <h2 className="truncate font-medium">
          {name}
          {application.revokedAt !== null && <span className="ml-2 text-sm font-normal text-unhealthy">{t("keys.revoked")}</span>}
        </h2>
        {description !== null && description !== "" && <p className="text-muted">{description}</p>}
        <p className="text-sm text-muted">{application.roles.length === 0 ? t("users.noRoles") : application.roles.map(nameOf).join(", ")}</p>
        {rateLimit !== null && <p className="text-sm text-muted">{t("keys.limited", { count: rateLimit.perSecond, burst: rateLimit.burst })}</p>}
        <Dates application={application} />
      </div>
      <div className="-mr-2.5 flex flex-wrap max-sm:-ml-2.5">
        {application.revokedAt === null && (
          <>
            <Button tone="quiet" small aria-label={t("keys.editOne", { name })} onClick={() => setOpen("edit")}>
              {t("action.edit")}
            </Button>
            <Button tone="quiet" small aria-label={t("keys.newSecretFor", { name })} onClick={() => setOpen("secret")}>
              {t("keys.newSecret")}
            </Button>
            <Button tone="quiet" small aria-label={t("keys.revokeOne", { name })} onClick={() => setOpen("revoke")}>
              {t("keys.revoke")}
            </Button>
          </>
        )}
        <Button tone="quiet" small aria-label={t("keys.deleteOne", { name })} onClick={() => setOpen("delete")}>
          {t("action.delete")}
        </Button>
      </div>
      {open === "edit" && <EditKeyDialog application={application} onClose={close} />}
      {open === "secret" && (
        <NewSecretDialog
          application={application}
          onMade={(secret) => {
            close();
            onSecret(name, secret);
          }}
          onClose={close}
        />
      )}
      {open === "revoke" && (
        <ConfirmMutation
          mutation={revoke}
          variables={application}
          title={t("keys.revokeTitle", { name })}
          text={t("keys.revokeText")}
          confirm={t("keys.revokeConfirm")}
          done={t("keys.wasRevoked", { name })}
          onClose={close}
        />
      )}
      {open === "delete" && (
        <ConfirmMutation
          mutation={remove}
          variables={application}
          title={t("keys.deleteTitle", { name })}
          text={t("keys.deleteText")}
          confirm={t("keys.deleteConfirm")}
          done={t("keys.deleted", { name })}
          onClose={close}
        />
      )}
    </li>
  );
}

function Dates({ application: { createdAt, lastUsedAt, expiresAt } }: { application: Application }) {
  return (
    <p className="text-sm text-muted">
      {t("keys.made")} <RelativeTime at={createdAt} />,{" "}
      {lastUsedAt === null ? (
        t("keys.neverUsed")
      ) : (
        <>
          {t("keys.lastUsed")} <RelativeTime at={lastUsedAt} />
        </>
      )}
      {expiresAt !== null && (
        <>
          , {t("keys.until")} <RelativeTime at={expiresAt} say={date} />
        </>
      )}
    </p>
  );
}
