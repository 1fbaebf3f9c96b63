import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { Section } from "@/ui/Section";
import { useToast } from "@/ui/toasts";
import { useDisableSecondFactor, useEnableSecondFactor, useHasSecondFactor, useMakeRecoveryCodes } from "../account";
import { EnrolFactor } from "./EnrolFactor";
import { PasswordDialog } from "./PasswordDialog";
import { RecoveryCodes } from "./RecoveryCodes";

/** A code from an app beside the password. */
export function SecondFactorSection() {
  const on = useHasSecondFactor();
  const [open, setOpen] = useState<"enable" | "disable" | "codes">();
  const [enrolling, setEnrolling] = useState<{ totpURI: string; backupCodes: string[] }>();
  const [codes, setCodes] = useState<string[]>();
  const enable = useEnableSecondFactor();
  const disable = useDisableSecondFactor();
  const makeCodes = useMakeRecoveryCodes();
  const toast = useToast();
  const close = () => setOpen(undefined);

  return (
    <Section title={t("factor.title")} hint={t("factor.hint")}>
      {enrolling ? (
        <EnrolFactor {...enrolling} onDone={() => setEnrolling(undefined)} />
      ) : codes ? (
        <div className="flex max-w-[34rem] flex-col gap-5 p-5">
          <RecoveryCodes codes={codes} />
          <Button tone="primary" className="self-start" onClick={() => setCodes(undefined)}>
            {t("factor.kept")}
          </Button>
        </div>
      ) : (
        <div className="flex flex-wrap items-center justify-between gap-3 p-5">
          <p>{on ? t("factor.on") : t("factor.off")}</p>
          <div className="flex flex-wrap gap-2">
            {on ? (
              <>
                <Button onClick={() => setOpen("codes")}>{t("factor.newCodes")}</Button>
                <Button tone="danger" onClick={() => setOpen("disable")}>
                  {t("factor.turnOff")}
                </Button>
              </>
            ) : (
              <Button tone="primary" onClick={() => setOpen("enable")}>
                {t("factor.turnOn")}
              </Button>
            )}
          </div>
        </div>
      )}
      {open === "enable" && (
        <PasswordDialog
          title={t("factor.turnOn")}
          lead={t("factor.passwordLead")}
          submitText={t("factor.next")}
          mutation={enable}
          onDone={(answer) => {
            close();
            setEnrolling(answer);
          }}
          onClose={close}
        />
      )}
      {open === "disable" && (
        <PasswordDialog
          title={t("factor.turnOff")}
          lead={t("factor.turnOffLead")}
          submitText={t("factor.turnOff")}
          mutation={disable}
          onDone={() => {
            close();
            toast({ text: t("factor.turnedOff") });
          }}
          onClose={close}
        />
      )}
      {open === "codes" && (
        <PasswordDialog
          title={t("factor.newCodes")}
          lead={t("factor.newCodesLead")}
          submitText={t("factor.newCodes")}
          mutation={makeCodes}
          onDone={({ backupCodes }) => {
            close();
            setCodes(backupCodes);
          }}
          onClose={close}
        />
      )}
    </Section>
  );
}
