import { Link } from "@tanstack/react-router";
import { t } from "@/lib/i18n/t";
import { buttonStyle } from "@/ui/button-style";
import { PageTitle } from "@/ui/PageTitle";

export function NotFoundPage() {
  return (
    <main className="flex flex-col items-center px-6 py-24 text-center">
      <PageTitle text={t("notFound.title")} />
      <h1 className="text-xl font-semibold">{t("notFound.title")}</h1>
      <p className="mt-1 text-muted">{t("notFound.text")}</p>
      <Link to="/" className={`mt-5 ${buttonStyle("primary")}`}>
        {t("notFound.back")}
      </Link>
    </main>
  );
}
