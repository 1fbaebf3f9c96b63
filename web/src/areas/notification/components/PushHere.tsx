import { t } from "@/lib/i18n/later";
import { ErrorNote } from "@/ui/ErrorNote";
import { Switch } from "@/ui/Switch";
import { devicesOf } from "../push";
import { usePushHere, useSwitchPushHere } from "../push-queries";
import type { Channel } from "../queries";

/** Whether the browser that shows this page is one of those its reader is pushed to. */
export function PushHere({ channel }: { channel: Channel }) {
  const here = usePushHere(channel);
  const turn = useSwitchPushHere(channel);
  const others = devicesOf(channel).length - (here.data === "on" ? 1 : 0);
  const hint =
    here.data === "unsupported" ? t("push.unsupported")
    : here.data === "blocked" || turn.data === "blocked" ? t("push.blocked")
    : others > 0 ? t("push.others", { count: String(others) })
    : t("push.until");
  return (
    <div className="mt-5 flex flex-col gap-3">
      <Switch
        label={t("push.here")}
        hint={hint}
        checked={here.data === "on"}
        disabled={turn.isPending || (here.data !== "on" && here.data !== "off")}
        onChange={(on) => turn.mutate(on)}
      />
      {turn.isError && <ErrorNote error={turn.error} />}
    </div>
  );
}
