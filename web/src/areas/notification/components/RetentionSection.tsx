import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { integer } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { Checkbox } from "@/ui/Checkbox";
import { ConfirmMutation } from "@/ui/ConfirmMutation";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { Loaded } from "@/ui/Loaded";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { useRetention, useSaveRetention, type Retention } from "../administration";

/** How long everybody's notifications are kept. */
export function RetentionSection() {
  const retention = useRetention();
  return (
    <Section title={t("retention.title")} hint={t("retention.hint")}>
      <Loaded query={retention} loading={<Skeleton rows={2} />}>
        {(stored) => <RetentionForm stored={stored} />}
      </Loaded>
    </Section>
  );
}

function RetentionForm({ stored }: { stored: Retention }) {
  const save = useSaveRetention();
  const [asked, setAsked] = useState<Retention>();
  const toast = useToast();
  const { form, values, field, set, submit } = useForm({ enabled: stored.enabled, retentionDays: String(stored.retentionDays) }, (typed) => ({
    retentionDays: integer(typed.retentionDays, 1, 365),
  }));
  return (
    <form
      ref={form}
      noValidate
      className="flex max-w-[34rem] flex-col gap-5 p-5"
      onSubmit={submit((typed) => {
        const wanted = { enabled: typed.enabled, retentionDays: Number(typed.retentionDays) };
        // What deletes more than before deletes it at once, so it is asked about.
        if (wanted.enabled && (!stored.enabled || wanted.retentionDays < stored.retentionDays)) {
          save.reset();
          setAsked(wanted);
        } else save.mutate(wanted, { onSuccess: () => toast({ text: t("retention.saved") }) });
      })}
    >
      <Checkbox label={t("retention.enabled")} hint={t("retention.enabledHint")} checked={values.enabled} onChange={(enabled) => set("enabled", enabled)} />
      <Field {...field("retentionDays")} label={t("retention.days")} hint={t("retention.daysHint")} inputMode="numeric" autoComplete="off" className="max-w-40" />
      {save.isError && asked === undefined && <ErrorNote error={save.error} />}
      <div>
        <Button type="submit" tone="primary" busy={save.isPending && asked === undefined}>
          {t("action.save")}
        </Button>
      </div>
      {asked !== undefined && (
        <ConfirmMutation
          mutation={save}
          variables={asked}
          title={t("retention.askTitle")}
          text={t("retention.askText", { count: asked.retentionDays })}
          confirm={t("retention.askConfirm")}
          done={t("retention.saved")}
          onClose={() => setAsked(undefined)}
        />
      )}
    </form>
  );
}
