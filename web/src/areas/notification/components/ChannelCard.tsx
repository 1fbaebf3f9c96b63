import { useId, useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { errorText } from "@/ui/error-text";
import { ErrorNote } from "@/ui/ErrorNote";
import { Icon } from "@/ui/Icon";
import { Markdown } from "@/ui/Markdown";
import { Switch } from "@/ui/Switch";
import { useToast } from "@/ui/toasts";
import { ChannelTimes } from "./ChannelTimes";
import { ConnectAccount } from "./ConnectAccount";
import { PushHere } from "./PushHere";
import { channelFields, configOf, type ChannelField } from "../channel-fields";
import { useChannelTest } from "../channel-test";
import { WEB_PUSH } from "../push";
import { useSaveChannel, useSwitchChannel, type Channel } from "../queries";
import { useSettingForm } from "../use-setting-form";
import { SettingFields } from "./SettingFields";
import { TestButton } from "./TestButton";
import { TestOutcome } from "./TestOutcome";

/** One channel of its reader: whether it is used, its settings, and a test. */
export function ChannelCard({ channel }: { channel: Channel }) {
  const fields = channelFields(channel);
  const save = useSaveChannel();
  const turn = useSwitchChannel();
  const test = useChannelTest(channel.strategyId, channel.enabled);
  const remove = useSaveChannel();
  const [removing, setRemoving] = useState<ChannelField | "all">();
  const toast = useToast();
  const title = useId();
  const linked = channel.contactResolution.type === "oauth-link";
  const { form, values, field, set, submit, refuse, unplaced, unsaved, settle } = useSettingForm(fields, { something: !channel.isConfigured && !linked });
  // Mail goes to the address of the account: there is nothing to forget of it, only the switch.
  const removable = channel.isConfigured && !linked && channel.contactResolution.type !== "auth-email";
  const state = !channel.isConfigured ? (linked ? "notConnected" : "setUp") : channel.enabled ? "active" : "off";

  return (
    // Channels have buttons of the same names.
    <div id={channel.strategyId} tabIndex={-1} role="group" aria-labelledby={title} className="p-5">
      <div className="flex items-start justify-between gap-4">
        <div className="min-w-0">
          <h3 id={title} className="font-semibold">{channel.displayName}</h3>
          <p className={classes("flex items-center gap-1.5 text-sm", state === "active" ? "text-healthy" : "text-muted")}>
            <span aria-hidden="true" className={classes("size-2 rounded-full", state === "active" ? "bg-healthy-mark" : "border border-control")} />
            {t(`channel.${state}`)}
          </p>
        </div>
        <Switch
          label={t("channel.use", { channel: channel.displayName })}
          showLabel={false}
          checked={channel.enabled && channel.isConfigured}
          disabled={!channel.isConfigured}
          onChange={(enabled) => turn.mutate({ channel, enabled })}
        />
      </div>
      {channel.description !== undefined && channel.description !== "" && <p className="mt-2 text-muted">{channel.description}</p>}
      {channel.userInstructions !== undefined && channel.userInstructions !== "" && (
        <details className="group mt-2">
          <summary className="inline-flex min-h-6 items-center gap-1.5 rounded font-medium">
            <Icon name="chevronDown" className="size-4 -rotate-90 transition-transform group-open:rotate-0" />
            {t("channel.instructions")}
          </summary>
          <div className="mt-1.5 max-w-[34rem] pl-5.5 text-muted">
            <Markdown text={channel.userInstructions} />
          </div>
        </details>
      )}
      {channel.strategyId === WEB_PUSH && <PushHere channel={channel} />}
      {linked && <ConnectAccount channel={channel} />}
      {/* A test whose receiver was gone for good leaves nothing set up, and is still to be read. */}
      {(fields.length > 0 || channel.isConfigured || test.isSuccess) && (
        <form
          ref={form}
          noValidate
          className="mt-5 flex max-w-[34rem] flex-col gap-5"
          onSubmit={submit((typed) =>
            save.mutate(
              { channel, userConfig: configOf(fields, typed) },
              {
                onSuccess: () => {
                  settle(typed);
                  // It was of what was saved before.
                  test.reset();
                  toast({ text: t("channel.saved", { channel: channel.displayName }) });
                },
                onError: refuse,
              },
            ),
          )}
        >
          <SettingFields fields={fields} values={values} field={field} set={set} onRemove={setRemoving} />
          {save.isError && unplaced(save.error) && <ErrorNote error={save.error} />}
          <TestOutcome test={test} />
          <div className="flex flex-wrap gap-2">
            {fields.length > 0 && (
              <Button type="submit" tone="primary" busy={save.isPending}>
                {t("action.save")}
              </Button>
            )}
            {channel.isConfigured && <TestButton test={test} unsaved={unsaved} text={t("channel.test")} />}
            {removable && (
              <Button tone="danger" onClick={() => setRemoving("all")}>
                {t("action.remove")}
              </Button>
            )}
          </div>
        </form>
      )}
      {channel.isConfigured && <ChannelTimes channel={channel} />}
      {removing !== undefined && (
        <ConfirmDialog
          title={t("channel.removeTitle", { what: removing === "all" ? channel.displayName : removing.label })}
          text={removing === "all" ? t("channel.removeText") : t("channel.removeFieldText")}
          confirm={removing === "all" ? t("channel.removeConfirm") : t("channel.removeField", { field: removing.label })}
          busy={remove.isPending}
          error={remove.isError ? errorText(remove.error) : undefined}
          onConfirm={() =>
            remove.mutate(
              { channel, userConfig: removing === "all" ? null : { [removing.name]: null } },
              {
                onSuccess: () => {
                  if (removing === "all") for (const each of fields) set(each.name, each.fallback);
                  setRemoving(undefined);
                  test.reset();
                  toast({ text: t("channel.removed", { what: removing === "all" ? channel.displayName : removing.label }) });
                },
              },
            )
          }
          onClose={() => {
            setRemoving(undefined);
            remove.reset();
          }}
        />
      )}
    </div>
  );
}
