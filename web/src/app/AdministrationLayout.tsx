import { Outlet } from "@tanstack/react-router";
import { t } from "@/lib/i18n/t";
import { SubNavigation } from "@/ui/SubNavigation";
import { useAdministration } from "./sections";

export function AdministrationLayout() {
  const pages = useAdministration();
  return (
    <>
      {pages.length > 1 && <SubNavigation label={t("nav.administrationParts")} pages={pages} />}
      <Outlet />
    </>
  );
}
