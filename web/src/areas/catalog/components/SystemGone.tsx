import { Link } from "@tanstack/react-router";
import { t } from "@/lib/i18n/later";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { PageTitle } from "@/ui/PageTitle";
import { Surface } from "@/ui/Surface";

export function SystemGone() {
  return (
    <Surface>
      <PageTitle text={t("system.gone")} />
      <EmptyState page icon="search" title={t("system.gone")} text={t("system.goneHint")}>
        <Link to="/" className={buttonStyle("primary")}>
          {t("notFound.back")}
        </Link>
      </EmptyState>
    </Surface>
  );
}
