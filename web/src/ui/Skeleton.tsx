import { t } from "@/lib/i18n/t";

/** Grey lines in the shape of what is coming. `rows` of them, each with the given height class. */
export function Skeleton({ rows = 3, className = "h-14" }: { rows?: number; className?: string }) {
  return (
    <div role="status" aria-label={t("common.loading")} className="divide-y divide-line">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={`flex items-center gap-4 px-4 ${className}`}>
          <div className="pulse size-4 rounded-full bg-line" />
          <div className="pulse h-3 w-1/3 rounded bg-line" />
          <div className="pulse ml-auto h-3 w-1/5 rounded bg-line" />
        </div>
      ))}
    </div>
  );
}
