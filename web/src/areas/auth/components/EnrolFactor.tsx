import { useState } from "react";
import { ApiError } from "@/lib/api-error";
import { t } from "@/lib/i18n/later";
import { required } from "@/lib/validate";
import { Button } from "@/ui/Button";
import { CopyField } from "@/ui/CopyField";
import { ErrorNote } from "@/ui/ErrorNote";
import { Field } from "@/ui/Field";
import { QrCode } from "@/ui/QrCode";
import { useToast } from "@/ui/toasts";
import { useForm } from "@/ui/use-form";
import { useConfirmSecondFactor } from "../account";
import { RecoveryCodes } from "./RecoveryCodes";

interface EnrolFactorProps {
  totpURI: string;
  backupCodes: readonly string[];
  onDone: () => void;
}

/** Carries the secret over to an app, proves with a first code that it arrived, then tells the recovery codes. */
export function EnrolFactor({ totpURI, backupCodes, onDone }: EnrolFactorProps) {
  const confirm = useConfirmSecondFactor();
  const toast = useToast();
  const [confirmed, setConfirmed] = useState(false);
  const { form, field, submit } = useForm({ code: "" }, ({ code }) => ({ code: required(code, 20) }));
  const wrong = confirm.error instanceof ApiError && [400, 401].includes(confirm.error.status);

  if (confirmed) {
    return (
      <div className="flex max-w-[34rem] flex-col gap-5 p-5">
        <h3 className="font-semibold">{t("factor.codes")}</h3>
        <RecoveryCodes codes={backupCodes} />
        <Button tone="primary" className="self-start" onClick={onDone}>
          {t("factor.kept")}
        </Button>
      </div>
    );
  }
  return (
    <form
      ref={form}
      noValidate
      className="flex max-w-[34rem] flex-col gap-5 p-5"
      onSubmit={submit(({ code }) =>
        confirm.mutate(code.replaceAll(/\s/g, ""), {
          onSuccess: () => {
            toast({ text: t("factor.turnedOn") });
            setConfirmed(true);
          },
        }),
      )}
    >
      <p>{t("factor.scan")}</p>
      <QrCode label={t("factor.qr")} text={totpURI} />
      <CopyField label={t("factor.secret")} text={secretOf(totpURI)} />
      <Field {...field("code")} label={t("factor.code")} hint={t("factor.codeHint")} inputMode="numeric" autoComplete="one-time-code" className="max-w-60" {...(wrong ? { error: t("factor.wrong") } : {})} />
      {confirm.isError && !wrong && <ErrorNote error={confirm.error} />}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" tone="primary" busy={confirm.isPending}>
          {t("factor.confirm")}
        </Button>
        <Button tone="quiet" onClick={onDone}>
          {t("action.cancel")}
        </Button>
      </div>
    </form>
  );
}

/** For apps that have no camera. */
function secretOf(uri: string): string {
  return (URL.canParse(uri) ? new URL(uri).searchParams.get("secret") : null) ?? uri;
}
