import { t } from "@/lib/i18n/t";
import { Button } from "./Button";
import { Correlation } from "./Correlation";
import { errorText } from "./error-text";

interface ErrorStateProps {
  error: unknown;
  onRetry: () => void;
}

/** What stands where data should: what failed, the id to quote, and another try. */
export function ErrorState({ error, onRetry }: ErrorStateProps) {
  return (
    <div role="alert" className="flex flex-col items-center px-6 py-10 text-center">
      <p className="font-semibold">{t("error.title")}</p>
      <p className="mt-1 max-w-[26rem] text-muted">{errorText(error)}</p>
      <p className="mt-1 max-w-full text-muted">
        <Correlation error={error} />
      </p>
      <Button className="mt-5" onClick={onRetry}>
        {t("action.retry")}
      </Button>
    </div>
  );
}
