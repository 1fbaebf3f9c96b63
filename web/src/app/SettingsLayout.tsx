import { Outlet } from "@tanstack/react-router";
import { t } from "@/lib/i18n/t";
import { SubNavigation } from "@/ui/SubNavigation";
import { settings } from "./sections";

export function SettingsLayout() {
  return (
    <>
      <SubNavigation label={t("nav.settingsParts")} pages={settings()} />
      <Outlet />
    </>
  );
}
