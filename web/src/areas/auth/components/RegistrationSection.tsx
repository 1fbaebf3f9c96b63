import { t } from "@/lib/i18n/later";
import { Loaded } from "@/ui/Loaded";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { Switch } from "@/ui/Switch";
import { useSwitchRegistration } from "../people";
import { useRegistrationStatus } from "../queries";

/** Whether strangers may make themselves an account. */
export function RegistrationSection() {
  const status = useRegistrationStatus();
  const turn = useSwitchRegistration();
  return (
    <Section title={t("users.registration")}>
      <Loaded query={status} loading={<Skeleton rows={1} />}>
        {({ allowRegistration }) => (
          <div className="p-5">
            <Switch label={t("users.allowRegistration")} hint={t("users.allowRegistrationHint")} checked={allowRegistration} onChange={(wanted) => turn.mutate(wanted)} />
          </div>
        )}
      </Loaded>
    </Section>
  );
}
