import { t } from "@/lib/i18n/t";
import { Button } from "./Button";

interface PagesProps {
  /** From 1. */
  page: number;
  size: number;
  total: number;
  onPage: (page: number) => void;
}

/** Which part of a long list is shown, and the way to the rest; absent when all of it is. */
export function Pages({ page, size, total, onPage }: PagesProps) {
  if (total <= size && page === 1) return null;
  const from = Math.min((page - 1) * size + 1, total);
  return (
    <nav aria-label={t("common.pages")} className="flex items-center justify-between gap-3 border-t border-line px-4 py-3">
      <span className="text-sm text-muted tabular-nums">{t("common.page", { from, to: Math.min(page * size, total), total })}</span>
      <span className="flex gap-2">
        <Button small disabled={page <= 1} onClick={() => onPage(page - 1)}>
          {t("action.previous")}
        </Button>
        <Button small disabled={page * size >= total} onClick={() => onPage(page + 1)}>
          {t("action.next")}
        </Button>
      </span>
    </nav>
  );
}
