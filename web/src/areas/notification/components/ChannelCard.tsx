import { useState } from "react";
import { t } from "@/lib/i18n/t";
import { httpUrl, required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { errorText } from "@/ui/error-text";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { Icon } from "@/ui/Icon";
import { Markdown } from "@/ui/Markdown";
import { PasswordField } from "@/ui/PasswordField";
import { Switch } from "@/ui/Switch";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { channelFields, userConfigOf, type ChannelField } from "../channel-fields";
import { useSaveChannel, useSwitchChannel, useTestChannel, type Channel } from "../queries";

/** One channel of its reader: whether it is used, its settings, and a test. */
export function ChannelCard({ channel }: { channel: Channel }) {
  const fields = channelFields(channel);
  const save = useSaveChannel();
  const turn = useSwitchChannel();
  const test = useTestChannel();
  const remove = useSaveChannel();
  const [removing, setRemoving] = useState<ChannelField | "all">();
  const toast = useToast();
  const { form, values, field, set, submit } = useForm(Object.fromEntries(fields.map((each) => [each.name, each.value])), (typed) =>
    Object.fromEntries(fields.map((each) => [each.name, mistake(each, typed[each.name] ?? "")])),
  );
  // What is tested is what is stored, not what is typed.
  const unsaved = fields.some((each) => (values[each.name] ?? "").trim() !== (each.secret ? "" : each.value));
  const state = !channel.isConfigured ? "setUp" : channel.enabled ? "active" : "off";

  return (
    <div className="p-5">
      <div className="flex items-start justify-between gap-4">
        <div className="min-w-0">
          <h3 className="font-semibold">{channel.displayName}</h3>
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
      <form
        ref={form}
        noValidate
        className="mt-5 flex max-w-[34rem] flex-col gap-5"
        onSubmit={submit((typed) =>
          save.mutate(
            { channel, userConfig: userConfigOf(fields, typed) },
            {
              onSuccess: () => {
                for (const each of fields) set(each.name, each.secret ? "" : (typed[each.name] ?? "").trim());
                toast({ text: t("channel.saved", { channel: channel.displayName }) });
              },
            },
          ),
        )}
      >
        {fields.map((each) =>
          each.secret ? (
            <div key={each.name}>
              <PasswordField
                {...field(each.name)}
                label={each.label}
                hint={each.stored ? t("channel.secretSet") : each.hint}
                placeholder={each.stored ? t("channel.secretReplace") : undefined}
                autoComplete="off"
              />
              {each.stored && !each.required && (
                <Button tone="quiet" small className="mt-1 -ml-2.5" onClick={() => setRemoving(each)}>
                  {t("channel.removeField", { field: each.label })}
                </Button>
              )}
            </div>
          ) : (
            <Field key={each.name} {...field(each.name)} label={each.label} hint={each.hint} type={each.isUrl ? "url" : "text"} spellCheck={false} autoComplete="off" />
          ),
        )}
        {save.isError && <ErrorNote error={save.error} />}
        {test.isError && <ErrorNote error={test.error} />}
        {test.data && !test.data.success && (
          <p role="alert" className="rounded-lg bg-unhealthy-soft px-4 py-3 text-sm text-unhealthy">
            {test.data.error === undefined ? t("channel.testFailedPlain") : t("channel.testFailed", { reason: test.data.error })}
          </p>
        )}
        <div className="flex flex-wrap gap-2">
          {fields.length > 0 && (
            <Button type="submit" tone="primary" busy={save.isPending}>
              {t("action.save")}
            </Button>
          )}
          {channel.isConfigured && (
            <Button
              busy={test.isPending}
              disabled={unsaved}
              onClick={() => test.mutate(channel, { onSuccess: ({ success }) => success && toast({ text: t("channel.testSent") }) })}
            >
              {t("channel.test")}
            </Button>
          )}
          {channel.isConfigured && (
            <Button tone="danger" onClick={() => setRemoving("all")}>
              {t("action.remove")}
            </Button>
          )}
        </div>
        {channel.isConfigured && unsaved && <p className="text-sm text-muted">{t("channel.testUnsaved")}</p>}
      </form>
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
                  if (removing === "all") for (const each of fields) set(each.name, "");
                  setRemoving(undefined);
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

function mistake(field: ChannelField, typed: string): string | undefined {
  if (typed.trim() === "") return field.required && !(field.secret && field.stored) ? required(typed, 2048) : undefined;
  return field.isUrl ? httpUrl(typed) : undefined;
}
