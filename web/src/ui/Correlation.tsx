import { ApiError } from "@/lib/api-error";
import { t } from "@/lib/i18n/t";

/** The id to quote when asking for help, where the failed answer had one. */
export function Correlation({ error }: { error: unknown }) {
  if (!(error instanceof ApiError) || error.correlationId === undefined) return null;
  return <span className="font-mono text-xs wrap-anywhere">{t("error.correlation", { id: error.correlationId })}</span>;
}
