import { useId, useRef } from "react";
import { t } from "@/lib/i18n/t";
import { Button } from "./Button";
import { useToast } from "./toasts";

/** A text to take along, such as a secret that is shown once. */
export function CopyField({ label, text }: { label: string; text: string }) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const toast = useToast();

  const copy = async () => {
    input.current?.select();
    try {
      await navigator.clipboard.writeText(text);
      toast({ text: t("common.copied") });
    } catch {
      // A page that came over plain HTTP has no clipboard; the text is selected, so the keyboard's way works.
      input.current?.focus();
      toast({ text: t("common.copyByHand") });
    }
  };

  return (
    <div>
      <label htmlFor={id} className="mb-1.5 block text-sm font-medium">
        {label}
      </label>
      <div className="flex gap-2">
        <input ref={input} id={id} readOnly value={text} onFocus={(event) => event.target.select()} className="block min-h-10 w-full min-w-0 rounded-lg border border-control bg-canvas px-3 font-mono text-sm" />
        <Button onClick={() => void copy()}>{t("action.copy")}</Button>
      </div>
    </div>
  );
}
