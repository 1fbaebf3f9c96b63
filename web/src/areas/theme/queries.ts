import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { client, type Output } from "@/lib/client";
import { t } from "@/lib/i18n/t";
import { rpcQuery } from "@/lib/query";
import { chooseTheme, type Theme } from "@/lib/theme";
import { useOptimistic } from "@/ui/use-optimistic";

/** Keeps the page in the look its reader chose, on this browser or on another. */
export function useStoredTheme(): void {
  const stored = useQuery(rpcQuery("theme", "getTheme")).data?.theme;
  useEffect(() => {
    if (stored !== undefined) chooseTheme(stored);
  }, [stored]);
}

/** Changes the look at once and keeps it with the account; what the server refuses is taken back. */
export function useChooseTheme() {
  return useOptimistic({
    call: (theme: Theme) => client.theme.setTheme({ theme }),
    keys: [["theme", "getTheme"]],
    show: (theme, patch) => patch<Output<"theme", "getTheme">>(["theme", "getTheme"], () => ({ theme })),
    what: () => t("settings.theme"),
  });
}
