import { useSyncExternalStore } from "react";
import { t } from "@/lib/i18n/t";
import { chooseTheme, currentTheme, watchTheme } from "@/lib/theme";
import { Choice } from "./Choice";

export function ThemeChoice() {
  const theme = useSyncExternalStore(watchTheme, currentTheme);
  return (
    <Choice
      label={t("settings.theme")}
      value={theme}
      options={[
        { value: "system", text: t("settings.themeSystem") },
        { value: "light", text: t("settings.themeLight") },
        { value: "dark", text: t("settings.themeDark") },
      ]}
      onChange={chooseTheme}
    />
  );
}
