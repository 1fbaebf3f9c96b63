import type { ReactNode, RefObject } from "react";
import { t } from "@/lib/i18n/t";
import { Button } from "./Button";
import { Dialog } from "./Dialog";

interface FormDialogProps {
  title: string;
  lead?: string;
  submitText: string;
  busy: boolean;
  form: RefObject<HTMLFormElement | null>;
  onSubmit: (event: { preventDefault: () => void }) => void;
  onClose: () => void;
  children: ReactNode;
}

/** A short form over the page, for what is made or changed in one step. */
export function FormDialog({ title, lead, submitText, busy, form, onSubmit, onClose, children }: FormDialogProps) {
  return (
    <Dialog label={title} onClose={onClose} className="m-auto w-[calc(100vw-2rem)] max-w-[30rem] rounded-xl">
      <form ref={form} noValidate onSubmit={onSubmit} className="flex flex-col gap-5 p-6">
        <div>
          <h2 className="text-lg font-semibold">{title}</h2>
          {lead !== undefined && <p className="mt-1 text-muted">{lead}</p>}
        </div>
        {children}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button type="submit" tone="primary" busy={busy}>
            {submitText}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
