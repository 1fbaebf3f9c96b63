import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { sessionQuery, useSession } from "@/areas/auth/queries";
import { ApiError } from "@/lib/api-error";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { Icon } from "@/ui/Icon";
import { Surface } from "@/ui/Surface";
import { Switch } from "@/ui/Switch";
import { useForm } from "@/ui/use-form";
import { draftKey, keepDraft, takeDraft, type Draft } from "../drafts";
import { useSaveSystem } from "../queries";
import type { Progress } from "../save-system";
import { mistakes, type SystemValues } from "../system-values";

interface SystemFormProps {
  initial: SystemValues;
  /** What is already there; empty for a new system. */
  known: Progress;
  /** Said above the check, where there is more than the form shows. */
  note?: string | undefined;
  submitText: string;
  onSaved: (systemId: string, name: string) => void;
  onCancel: () => void;
}

/** A system and its HTTP check in one form. */
export function SystemForm({ initial, known, note, submitText, onSaved, onCancel }: SystemFormProps) {
  const queries = useQueryClient();
  const userId = useSession().data?.user.id ?? "";
  const [{ key, draft }] = useState(() => {
    const key = draftKey(userId, known.systemId, known.configuration?.id);
    return { key, draft: takeDraft(key) };
  });
  const [progress] = useState<Progress>(() => draft?.progress ?? { ...known });
  const save = useSaveSystem(progress);
  const isNew = known.systemId === undefined;
  const { form, values, field, set, submit } = useForm(draft?.values ?? initial, mistakes);
  const nameTaken = save.error instanceof ApiError && save.error.status === 409 && save.variables?.name === values.name;

  // A session that ends takes the page away: what was typed is there again after the next sign-in.
  const latest = useRef<Draft>({ values, progress });
  useEffect(() => {
    latest.current = { values, progress };
  });
  useEffect(
    () => () => {
      if (queries.getQueryData(sessionQuery.queryKey) === null) keepDraft(key, latest.current);
    },
    [queries, key],
  );

  return (
    <form ref={form} noValidate onSubmit={submit((typed) => save.mutate(typed, { onSuccess: (systemId) => onSaved(systemId, typed.name.trim()) }))} className="max-w-[40rem]">
      <Surface className="flex flex-col gap-5 p-5 sm:p-6">
        <Field {...field("name")} label={t("systemForm.name")} {...(nameTaken ? { error: t("systemForm.nameTaken") } : {})} autoComplete="off" />
        <Field {...field("description")} label={t("systemForm.description")} autoComplete="off" />
      </Surface>

      <h2 className="mt-8 mb-3 text-lg font-semibold">{t("systemForm.check")}</h2>
      <Surface className="flex flex-col gap-5 p-5 sm:p-6">
        {note !== undefined && <p className="text-sm text-muted">{note}</p>}
        <Field {...field("url")} label={t("systemForm.url")} hint={values.expectedStatus.trim() === "" ? t("systemForm.urlHint") : undefined} type="url" inputMode="url" placeholder="https://example.com/health" autoComplete="off" spellCheck={false} />
        <Field {...field("intervalSeconds")} label={t("systemForm.interval")} inputMode="numeric" className="max-w-44" />
        <details className="group -mx-5 -mb-5 border-t border-line sm:-mx-6 sm:-mb-6">
          <summary className="flex items-center gap-2 rounded-b-xl px-5 py-3.5 font-medium hover:bg-hover group-open:rounded-none sm:px-6">
            <Icon name="chevronDown" className="size-4 -rotate-90 transition-transform group-open:rotate-0" />
            {t("systemForm.advanced")}
          </summary>
          <div className="flex flex-col gap-5 px-5 pt-1 pb-6 sm:px-6">
            <Field {...field("expectedStatus")} label={t("systemForm.expectedStatus")} hint={t("systemForm.expectedStatusHint")} inputMode="numeric" className="sm:max-w-96" />
            {progress.keepThresholds ? (
              <p className="text-sm text-muted">{t("systemForm.window")}</p>
            ) : (
              <div>
                <div className="grid gap-x-4 gap-y-5 sm:grid-cols-3">
                  <Field {...field("degradedAfter")} label={t("systemForm.degraded")} inputMode="numeric" />
                  <Field {...field("unhealthyAfter")} label={t("systemForm.unhealthy")} inputMode="numeric" />
                  <Field {...field("healthyAfter")} label={t("systemForm.healthy")} inputMode="numeric" />
                </div>
                <p className="mt-1.5 text-sm text-muted">{t("systemForm.thresholdsHint")}</p>
              </div>
            )}
          </div>
        </details>
      </Surface>

      {isNew && (
        <div className="mt-6 px-1">
          <Switch label={t("systemForm.tellMe")} hint={t("systemForm.tellMeHint")} checked={values.tellMe} onChange={(tellMe) => set("tellMe", tellMe)} />
        </div>
      )}

      <div className="mt-6 flex flex-col gap-4">
        {save.isError && !nameTaken && <ErrorNote error={save.error} />}
        <div className="flex flex-wrap gap-2">
          <Button type="submit" tone="primary" busy={save.isPending}>
            {submitText}
          </Button>
          <Button tone="quiet" onClick={onCancel}>
            {t("action.cancel")}
          </Button>
        </div>
      </div>
    </form>
  );
}
