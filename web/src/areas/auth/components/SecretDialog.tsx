import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { CopyField } from "@/ui/CopyField";
import { Dialog } from "@/ui/Dialog";

/** The one time a key's secret is told. Only its button closes it: a stray Escape would lose what nobody can tell again. */
export function SecretDialog({ name, secret, onClose }: { name: string; secret: string; onClose: () => void }) {
  const title = t("keys.secretTitle", { name });
  return (
    <Dialog label={title} className="m-auto w-[calc(100vw-2rem)] max-w-[34rem] rounded-xl">
      <div className="flex flex-col gap-5 p-6">
        <div>
          <h2 className="text-lg font-semibold">{title}</h2>
          <p className="mt-1 text-muted">{t("keys.secretText")}</p>
        </div>
        <CopyField label={t("keys.secret")} text={secret} />
        <p className="text-sm text-muted">
          {t("keys.use")} <code className="font-mono text-xs break-all">Authorization: Bearer ck_…</code>
        </p>
        <div className="flex justify-end">
          <Button tone="primary" onClick={onClose}>
            {t("keys.kept")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
