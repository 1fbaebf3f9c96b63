import { useSyncExternalStore } from "react";
import { t } from "@/lib/i18n/later";
import { currentTheme, watchTheme } from "@/lib/theme";
import { Choice } from "@/ui/Choice";
import { useChooseTheme } from "../queries";

export function ThemeChoice() {
  const theme = useSyncExternalStore(watchTheme, currentTheme);
  const store = useChooseTheme();
  return (
    <Choice
      label={t("settings.theme")}
      value={theme}
      options={[
        { value: "system", text: t("settings.themeSystem") },
        { value: "light", text: t("settings.themeLight") },
        { value: "dark", text: t("settings.themeDark") },
      ]}
      onChange={(chosen) => store.mutate(chosen)}
    />
  );
}
