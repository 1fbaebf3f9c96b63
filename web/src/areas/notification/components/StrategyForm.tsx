import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { ErrorNote } from "@/ui/ErrorNote";
import { Markdown } from "@/ui/Markdown";
import { useToast } from "@/ui/toasts";
import { configOf, type ChannelField } from "../channel-fields";
import { useSaveStrategy, type Strategy } from "../queries";
import type { SettingForm } from "../use-setting-form";
import { SettingFields } from "./SettingFields";

interface StrategyFormProps {
  strategy: Strategy;
  fields: readonly ChannelField[];
  edited: SettingForm;
  onSaved: () => void;
}

/** What an administrator sets of a channel for everybody: servers, tokens. */
export function StrategyForm({ strategy, fields, edited, onSaved }: StrategyFormProps) {
  const save = useSaveStrategy();
  const remove = useSaveStrategy();
  const [removing, setRemoving] = useState<ChannelField>();
  const toast = useToast();
  const { form, values, field, set, submit, refuse, unplaced, settle } = edited;
  return (
    <>
      {strategy.adminInstructions !== undefined && strategy.adminInstructions !== "" && (
        <div className="mt-3 max-w-[34rem] text-muted">
          <Markdown text={strategy.adminInstructions} />
        </div>
      )}
      <form
        ref={form}
        aria-label={strategy.displayName}
        noValidate
        className="mt-4 flex max-w-[34rem] flex-col gap-5"
        onSubmit={submit((typed) =>
          save.mutate(
            { strategy, config: configOf(fields, typed) },
            {
              onSuccess: () => {
                settle(typed);
                onSaved();
                toast({ text: t("channel.saved", { channel: strategy.displayName }) });
              },
              onError: refuse,
            },
          ),
        )}
      >
        <SettingFields fields={fields} values={values} field={field} set={set} onRemove={setRemoving} />
        {save.isError && unplaced(save.error) && <ErrorNote error={save.error} />}
        <div>
          <Button type="submit" tone="primary" busy={save.isPending}>
            {t("action.save")}
          </Button>
        </div>
      </form>
      {removing !== undefined && (
        <ConfirmMutation
          mutation={remove}
          variables={{ strategy, config: { [removing.name]: null } }}
          title={t("channel.removeTitle", { what: removing.label })}
          text={t("admin.removeSecretText", { strategy: strategy.displayName })}
          confirm={t("channel.removeField", { field: removing.label })}
          done={t("channel.removed", { what: removing.label })}
          onDone={onSaved}
          onClose={() => setRemoving(undefined)}
        />
      )}
    </>
  );
}
