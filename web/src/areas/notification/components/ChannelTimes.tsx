import { useId } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { Checkbox } from "@/ui/Checkbox";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { Icon } from "@/ui/Icon";
import { SelectField } from "@/ui/SelectField";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { digestOptions, mistakesOf, preferenceOf, timesOf, toldTimes } from "../channel-times";
import { useSaveTimes, type Channel } from "../queries";

/** When a channel may speak to its reader: message by message or collected, and in which hours not. What is critical passes both. */
export function ChannelTimes({ channel }: { channel: Channel }) {
  const save = useSaveTimes();
  const toast = useToast();
  const zones = useId();
  const { form, values, field, set, submit, errors, refuse, unplaced } = useForm(timesOf(channel), mistakesOf);
  return (
    <details className="group mt-4">
      <summary data-testid="channel-times" className="inline-flex min-h-6 flex-wrap items-center gap-x-1.5 rounded">
        <Icon name="chevronDown" className="size-4 -rotate-90 transition-transform group-open:rotate-0" />
        <span className="font-medium">
          {t("times.title")}
          <span className="sr-only">{t("times.of", { channel: channel.displayName })}</span>
        </span>
        <span className="text-sm text-muted">{toldTimes(channel)}</span>
      </summary>
      <form
        ref={form}
        noValidate
        className="mt-3 flex max-w-[34rem] flex-col gap-5"
        onSubmit={submit((typed) =>
          save.mutate(
            { channel, ...preferenceOf(typed) },
            { onSuccess: () => toast({ text: t("times.saved", { channel: channel.displayName }) }), onError: refuse },
          ),
        )}
      >
        <p className="text-sm text-muted">{t("times.hint")}</p>
        <SelectField {...field("digest")} label={t("times.digest")} options={digestOptions(channel.digestMinutes)} className="max-w-72" />
        <Checkbox label={t("times.quiet")} hint={t("times.quietHint")} checked={values.quiet} onChange={(quiet) => set("quiet", quiet)} />
        {values.quiet && (
          <div className="grid grid-cols-2 gap-x-3 gap-y-4 sm:grid-cols-[9.5rem_9.5rem_1fr]">
            <Field {...field("from")} type="time" label={t("times.from")} />
            <Field {...field("to")} type="time" label={t("times.to")} />
            <div className="max-sm:col-span-2">
              <Field {...field("timeZone")} label={t("times.zone")} list={zones} autoComplete="off" spellCheck={false} />
              <datalist id={zones}>
                {Intl.supportedValuesOf("timeZone").map((zone) => (
                  <option key={zone} value={zone} />
                ))}
              </datalist>
            </div>
          </div>
        )}
        {save.isError && (unplaced(save.error) || Object.values(errors).every((each) => each === undefined)) && <ErrorNote error={save.error} />}
        <div>
          <Button type="submit" busy={save.isPending}>
            {t("times.save")}
          </Button>
        </div>
      </form>
    </details>
  );
}
