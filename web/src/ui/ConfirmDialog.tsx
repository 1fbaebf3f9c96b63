import { t } from "@/lib/i18n/t";
import { Button } from "./Button";
import { Dialog } from "./Dialog";

interface ConfirmDialogProps {
  title: string;
  text?: string;
  /** What is about to happen, as a verb: never "OK". */
  confirm: string;
  busy: boolean;
  /** What the last try failed with. */
  error?: string | undefined;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be undone. The harmless way out has the focus. */
export function ConfirmDialog({ title, text, confirm, busy, error, onConfirm, onClose }: ConfirmDialogProps) {
  return (
    <Dialog label={title} onClose={onClose} className="m-auto w-[calc(100vw-2rem)] max-w-[26rem] rounded-xl">
      <div className="p-6">
        <h2 className="text-lg font-semibold">{title}</h2>
        {text !== undefined && <p className="mt-2 text-muted">{text}</p>}
        {error !== undefined && (
          <p role="alert" className="mt-3 text-sm text-unhealthy">
            {error}
          </p>
        )}
        <div className="mt-6 flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button tone="danger" busy={busy} onClick={onConfirm}>
            {confirm}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
