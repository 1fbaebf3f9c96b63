import { ApiError, NETWORK_ERROR } from "@/lib/api-error";
import { t } from "@/lib/i18n/t";

/** What a failed call means to a person. The server's own sentence is used where the input was at fault: it names the reason. */
export function errorText(error: unknown): string {
  if (!(error instanceof ApiError)) return t("error.unknown");
  if (error.code === NETWORK_ERROR) return t("error.network");
  if (/ORIGIN|CALLBACK_?URL/.test(error.code)) return t("error.origin");
  switch (error.status) {
    case 401:
      return t("error.unauthorized");
    case 403:
      return t("error.forbidden");
    case 404:
      return t("error.notFound");
    case 429:
      return t("error.tooMany");
    case 503:
      return t("error.unavailable");
  }
  if (error.status >= 500) return t("error.server");
  return error.issues[0]?.message ?? error.message;
}
