import { t } from "@/lib/i18n/t";
import { PageHeader } from "@/ui/PageHeader";
import { useProfile } from "../account";
import { PasswordSection } from "../components/PasswordSection";
import { ProfileSection } from "../components/ProfileSection";
import { SecondFactorSection } from "../components/SecondFactorSection";

/** What a person decides about their own account. */
export function AccountPage() {
  const hasPassword = useProfile().data?.hasCredentialAccount === true;
  return (
    <>
      <PageHeader title={t("account.title")} />
      <ProfileSection />
      {hasPassword && (
        <>
          <PasswordSection />
          <SecondFactorSection />
        </>
      )}
    </>
  );
}
