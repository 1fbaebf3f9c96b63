import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { integer, required } from "@/lib/validate";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { FormDialog } from "@/ui/FormDialog";
import { SelectField } from "@/ui/SelectField";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { useCreateApplication, useUpdateApplication, type Application } from "../applications";
import { useAccess } from "../queries";
import { RoleChoices } from "./RoleChoices";

const MOST_NAME = 100;
const MOST_DESCRIPTION = 500;

/** Of a key's own limit, as the server bounds it. */
const MOST_PER_SECOND = 10_000;
const MOST_BURST = 100_000;

interface Limit {
  perSecond: string;
  burst: string;
}
/** Both parts are given, or neither: then the limit that holds for everybody holds for the key too. */
const isLimited = ({ perSecond, burst }: Limit) => perSecond.trim() !== "" || burst.trim() !== "";
const limitOf = (values: Limit) => (isLimited(values) ? { perSecond: Number(values.perSecond), burst: Number(values.burst) } : null);

const mistakes = (values: { name: string; description: string } & Limit) => ({
  name: required(values.name, MOST_NAME),
  description: values.description.trim().length > MOST_DESCRIPTION ? t("form.tooLong", { max: MOST_DESCRIPTION }) : undefined,
  perSecond: isLimited(values) ? integer(values.perSecond, 1, MOST_PER_SECOND) : undefined,
  burst: isLimited(values) ? integer(values.burst, 1, MOST_BURST) : undefined,
});

/** Days a key may be made for. */
const LIVES = [30, 90, 365];
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);

/** Makes a key; `onMade` is told its name and its secret. */
export function AddKeyDialog({ onMade, onClose }: { onMade: (name: string, secret: string) => void; onClose: () => void }) {
  const add = useCreateApplication();
  const { form, field, submit, refuse, unplaced } = useForm({ name: "", description: "", expiresAt: "", perSecond: "", burst: "" }, mistakes);
  return (
    <FormDialog
      title={t("keys.add")}
      lead={t("keys.addLead")}
      submitText={t("keys.add")}
      busy={add.isPending}
      form={form}
      onClose={onClose}
      onSubmit={submit(({ name, description, expiresAt, ...limit }) => {
        const rateLimit = limitOf(limit);
        add.mutate(
          {
            name: name.trim(),
            ...(description.trim() === "" ? {} : { description: description.trim() }),
            ...(expiresAt === "" ? {} : { expiresAt: inDays(Number(expiresAt)) }),
            ...(rateLimit === null ? {} : { rateLimit }),
          },
          { onSuccess: ({ application, secret }) => onMade(application.name, secret), onError: refuse },
        );
      })}
    >
      <Field {...field("name")} label={t("keys.name")} hint={t("keys.nameHint")} autoComplete="off" />
      <Field {...field("description")} label={t("keys.description")} autoComplete="off" />
      <SelectField {...field("expiresAt")} label={t("keys.expires")} options={[{ value: "", text: t("keys.never") }, ...LIVES.map((days) => ({ value: String(days), text: t("keys.inDays", { days }) }))]} />
      <LimitFields field={field} />
      {add.isError && unplaced(add.error) && <ErrorNote error={add.error} />}
    </FormDialog>
  );
}

/** Changes what a key is called, how often it may call and which roles it has. */
export function EditKeyDialog({ application, onClose }: { application: Application; onClose: () => void }) {
  const save = useUpdateApplication();
  const toast = useToast();
  const [roles, setRoles] = useState(application.roles);
  const mayReadRoles = useAccess()("auth.roles.read");
  const { rateLimit } = application;
  const before = { perSecond: String(rateLimit?.perSecond ?? ""), burst: String(rateLimit?.burst ?? "") };
  const { form, field, submit, refuse, unplaced } = useForm({ name: application.name, description: application.description ?? "", ...before }, mistakes);
  return (
    <FormDialog
      title={t("keys.editOne", { name: application.name })}
      submitText={t("action.save")}
      busy={save.isPending}
      form={form}
      onClose={onClose}
      onSubmit={submit(({ name, description, ...limit }) =>
        save.mutate(
          {
            id: application.id,
            name: name.trim(),
            description: description.trim() === "" ? null : description.trim(),
            ...(mayReadRoles ? { roles } : {}),
            // Left alone unless it was changed: setting it takes every right that the key opens.
            ...(limit.perSecond === before.perSecond && limit.burst === before.burst ? {} : { rateLimit: limitOf(limit) }),
          },
          {
            onSuccess: () => {
              toast({ text: t("common.saved") });
              onClose();
            },
            onError: refuse,
          },
        ),
      )}
    >
      <Field {...field("name")} label={t("keys.name")} autoComplete="off" />
      <Field {...field("description")} label={t("keys.description")} autoComplete="off" />
      <LimitFields field={field} />
      {mayReadRoles && (
        <div>
          <p className="mb-2 text-sm font-medium">{t("roles.title")}</p>
          <RoleChoices chosen={roles} onChange={setRoles} />
        </div>
      )}
      {save.isError && unplaced(save.error) && <ErrorNote error={save.error} />}
    </FormDialog>
  );
}

/** How often a key may call, in place of the limit for everybody. */
function LimitFields({ field }: { field: (name: keyof Limit) => { value: string; error: string | undefined; onValue: (value: string) => void } }) {
  return (
    <fieldset>
      <legend className="text-sm font-medium">{t("keys.limit")}</legend>
      <p className="mb-3 text-sm text-muted">{t("keys.limitHint")}</p>
      <div className="grid grid-cols-2 gap-3">
        <Field {...field("perSecond")} label={t("keys.perSecond")} inputMode="numeric" autoComplete="off" />
        <Field {...field("burst")} label={t("keys.burst")} inputMode="numeric" autoComplete="off" />
      </div>
    </fieldset>
  );
}
