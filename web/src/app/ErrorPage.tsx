import { t } from "@/lib/i18n/t";
import { Button } from "@/ui/Button";
import { PageTitle } from "@/ui/PageTitle";

/** What is left when a page itself fails, as when a part of it is of a version the server no longer has. */
export function ErrorPage() {
  return (
    <div role="alert" className="flex flex-col items-center px-6 py-24 text-center">
      <PageTitle text={t("error.page")} />
      <h1 className="text-xl font-semibold">{t("error.page")}</h1>
      <p className="mt-1 max-w-[26rem] text-muted">{t("error.pageHint")}</p>
      <Button tone="primary" className="mt-5" onClick={() => window.location.reload()}>
        {t("action.reload")}
      </Button>
    </div>
  );
}
