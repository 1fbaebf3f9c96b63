import { t } from "@/lib/i18n/t";
import { httpUrl, required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
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
  const toast = useToast();
  const { form, values, field, set, submit } = useForm(Object.fromEntries(fields.map((each) => [each.name, each.value])), (typed) =>
    Object.fromEntries(fields.map((each) => [each.name, mistake(each, typed[each.name] ?? "")])),
  );
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
      <form
        ref={form}
        noValidate
        className="mt-5 flex max-w-[34rem] flex-col gap-5"
        onSubmit={submit((typed) =>
          save.mutate(
            { channel, userConfig: userConfigOf(fields, typed) },
            {
              onSuccess: () => {
                for (const each of fields) if (each.secret) set(each.name, "");
                toast({ text: t("channel.saved", { channel: channel.displayName }) });
              },
            },
          ),
        )}
      >
        {fields.map((each) =>
          each.secret ? (
            <PasswordField
              key={each.name}
              {...field(each.name)}
              label={each.label}
              hint={each.stored ? t("channel.secretSet") : each.hint}
              placeholder={each.stored ? t("channel.secretReplace") : undefined}
              autoComplete="off"
            />
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
              // What is tested is what is stored, not what is typed.
              disabled={fields.some((each) => values[each.name] !== (each.secret ? "" : each.value))}
              onClick={() => test.mutate(channel, { onSuccess: ({ success }) => success && toast({ text: t("channel.testSent") }) })}
            >
              {t("channel.test")}
            </Button>
          )}
        </div>
      </form>
    </div>
  );
}

function mistake(field: ChannelField, typed: string): string | undefined {
  if (typed.trim() === "") return field.required && !(field.secret && field.stored) ? required(typed, 2048) : undefined;
  return field.isUrl ? httpUrl(typed) : undefined;
}
