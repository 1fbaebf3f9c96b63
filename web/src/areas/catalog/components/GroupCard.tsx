import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useAccess } from "@/areas/auth/queries";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { errorText } from "@/ui/error-text";
import { IconButton } from "@/ui/IconButton";
import { SelectField } from "@/ui/SelectField";
import { useToast } from "@/ui/toasts";
import { useKeptFocus } from "@/ui/use-kept-focus";
import { useAddToGroup, useDeleteGroup, useRemoveFromGroup, type Group, type System } from "../queries";
import { GroupDialog } from "./GroupDialog";

/** A group with the systems in it. Taking one out is undone by putting it in again, so nothing is asked. */
export function GroupCard({ group, systems }: { group: Group; systems: readonly System[] }) {
  const has = useAccess();
  const mayManage = has("catalog.group.manage");
  const mayMove = has("catalog.system.manage");
  const [open, setOpen] = useState<"rename" | "delete">();
  const remove = useDeleteGroup();
  const addTo = useAddToGroup();
  const removeFrom = useRemoveFromGroup();
  const toast = useToast();
  const kept = useKeptFocus<HTMLUListElement>();
  const members = systems.filter((system) => group.systemIds.includes(system.id));
  const [candidate, setCandidate] = useState("");
  const others = systems.filter((system) => !group.systemIds.includes(system.id));
  // Once it is in the group it is no longer among those to choose.
  const chosen = others.find((system) => system.id === candidate);
  const failed = { onError: (error: Error) => toast({ tone: "error", text: errorText(error) }) };
  const close = () => setOpen(undefined);

  return (
    <li data-testid="group-row" className="p-5">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
        <h3 className="min-w-0 truncate font-semibold">{group.name}</h3>
        {mayManage && (
          <div className="-mr-2.5 flex">
            <Button tone="quiet" small aria-label={t("groups.rename", { group: group.name })} onClick={() => setOpen("rename")}>
              {t("groups.renameShort")}
            </Button>
            <Button tone="quiet" small aria-label={t("groups.deleteOne", { group: group.name })} onClick={() => setOpen("delete")}>
              {t("action.delete")}
            </Button>
          </div>
        )}
      </div>
      {members.length === 0 ? (
        <p className="mt-1 text-sm text-muted">{t("groups.noSystems")}</p>
      ) : (
        <ul {...kept} aria-label={t("groups.systemsOf", { group: group.name })} className="mt-2 flex flex-wrap gap-2">
          {members.map((system) => (
            <li key={system.id} className="inline-flex max-w-full items-center rounded-lg border border-line pl-3">
              <Link to="/systems/$systemId" params={{ systemId: system.id }} className="block min-w-0 truncate rounded py-1.5 pr-3 hover:underline">
                {system.name}
              </Link>
              {mayMove && <IconButton icon="close" label={t("groups.takeOut", { system: system.name, group: group.name })} onClick={() => removeFrom.mutate({ groupId: group.id, systemId: system.id }, failed)} />}
            </li>
          ))}
        </ul>
      )}
      {mayMove && others.length > 0 && (
        <form
          noValidate
          className="mt-4 flex flex-wrap items-end gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            if (chosen) addTo.mutate({ groupId: group.id, systemId: chosen.id }, failed);
          }}
        >
          <SelectField
            className="min-w-0 flex-1 sm:max-w-80"
            label={t("groups.putIn", { group: group.name })}
            value={chosen?.id ?? ""}
            options={[{ value: "", text: t("groups.choose") }, ...others.map(({ id, name }) => ({ value: id, text: name }))]}
            onValue={setCandidate}
          />
          <Button type="submit" busy={addTo.isPending} disabled={!chosen} aria-label={t("groups.addTo", { group: group.name })}>
            {t("groups.addShort")}
          </Button>
        </form>
      )}
      {open === "rename" && <GroupDialog group={group} onClose={close} />}
      {open === "delete" && (
        <ConfirmMutation
          mutation={remove}
          variables={group}
          title={t("groups.deleteTitle", { group: group.name })}
          text={t("groups.deleteText")}
          confirm={t("groups.deleteConfirm")}
          done={t("groups.deleted", { group: group.name })}
          onClose={close}
        />
      )}
    </li>
  );
}
