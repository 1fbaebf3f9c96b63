import { useAccess } from "@/areas/auth/queries";
import { t } from "@/lib/i18n/t";
import type { SubPage } from "@/ui/SubNavigation";

interface AdministrationPart extends SubPage {
  /** Any of these opens it. */
  rules: readonly string[];
}

const administration = (): AdministrationPart[] => [
  { to: "/administration", text: t("admin.notifications"), rules: ["notification.notification.manage"] },
  { to: "/administration/attempts", text: t("attempts.title"), rules: ["notification.notification.manage"] },
  { to: "/administration/catalog", text: t("catalog.title"), rules: ["catalog.system.manage", "catalog.group.manage"] },
  { to: "/administration/users", text: t("users.title"), rules: ["auth.users.read", "auth.users.create.manage", "auth.registration.manage"] },
  { to: "/administration/roles", text: t("roles.title"), rules: ["auth.roles.read"] },
  { to: "/administration/keys", text: t("keys.title"), rules: ["auth.applications.manage"] },
  { to: "/administration/audit", text: t("audit.title"), rules: ["auth.audit.read"] },
];

/** The parts of the administration that are open to its reader; none for most. */
export function useAdministration(): readonly SubPage[] {
  const has = useAccess();
  return administration().filter(({ rules }) => rules.some(has));
}

/** The parts of the settings, which are everybody's. */
export const settings = (): SubPage[] => [
  { to: "/settings", text: t("settings.notifications") },
  { to: "/settings/account", text: t("account.title") },
  { to: "/settings/sessions", text: t("sessions.title") },
];
