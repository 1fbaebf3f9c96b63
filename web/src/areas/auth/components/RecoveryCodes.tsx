import { t } from "@/lib/i18n/later";
import { CopyField } from "@/ui/CopyField";

/** The codes that open the account once each when the app is lost; told this once. */
export function RecoveryCodes({ codes }: { codes: readonly string[] }) {
  return (
    <div className="flex flex-col gap-4">
      <p>{t("factor.codesText")}</p>
      <ul className="grid grid-cols-2 gap-x-6 gap-y-1 rounded-lg bg-canvas p-4 font-mono text-sm" aria-label={t("factor.codes")}>
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <CopyField label={t("factor.codesAll")} text={codes.join(" ")} />
    </div>
  );
}
