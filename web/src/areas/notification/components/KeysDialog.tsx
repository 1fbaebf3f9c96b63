import { t, type MessageKey } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Switch } from "@/ui/Switch";

const KEYS = [
  ["j", "inbox.key.next"],
  ["k", "inbox.key.previous"],
  ["Enter", "inbox.key.open"],
  ["x", "inbox.key.select"],
  ["e", "inbox.key.read"],
  ["#", "inbox.key.delete"],
  ["u", "inbox.key.undo"],
  ["/", "inbox.key.search"],
  ["?", "inbox.key.help"],
] as const satisfies readonly (readonly [string, MessageKey])[];

interface KeysDialogProps {
  on: boolean;
  onSwitch: (on: boolean) => void;
  onClose: () => void;
}

/** What single keys do in the inbox, and the switch for who presses them by accident or speaks to the computer. */
export function KeysDialog({ on, onSwitch, onClose }: KeysDialogProps) {
  return (
    <Dialog label={t("inbox.keys")} onClose={onClose} className="m-auto w-[calc(100vw-2rem)] max-w-[26rem] rounded-xl">
      <div className="flex flex-col gap-5 p-6">
        <h2 className="text-lg font-semibold">{t("inbox.keys")}</h2>
        <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-4 gap-y-2">
          {KEYS.map(([key, what]) => (
            <div key={key} className="contents">
              <dt>
                <kbd className="inline-block min-w-7 rounded-md border border-line bg-canvas px-1.5 text-center font-mono text-sm">{key}</kbd>
              </dt>
              <dd>{t(what)}</dd>
            </div>
          ))}
        </dl>
        <Switch label={t("inbox.keysOn")} hint={t("inbox.keysHint")} checked={on} onChange={onSwitch} />
        <div className="flex justify-end">
          <Button onClick={onClose}>{t("action.close")}</Button>
        </div>
      </div>
    </Dialog>
  );
}
