import { t } from "@/lib/i18n/later";
import { Icon } from "@/ui/Icon";
import { Switch } from "@/ui/Switch";
import { isIncomplete, strategyFields } from "../channel-fields";
import { useChannelTest } from "../channel-test";
import { useSwitchStrategy, type Strategy } from "../queries";
import { useSettingForm } from "../use-setting-form";
import { StrategyForm } from "./StrategyForm";
import { StrategyTest } from "./StrategyTest";

/** One channel as an administrator has it: whether people may set it up, what it needs for that, and a test. */
export function StrategyRow({ strategy }: { strategy: Strategy }) {
  const turn = useSwitchStrategy();
  const test = useChannelTest(strategy.qualifiedId, strategy.enabled);
  const fields = strategyFields(strategy);
  const edited = useSettingForm(fields);
  const incomplete = isIncomplete(fields);
  return (
    <li className="px-5 py-4">
      <div className="flex items-center justify-between gap-4">
        <div className="min-w-0">
          <h3 className="font-medium">{strategy.displayName}</h3>
          {strategy.description !== undefined && strategy.description !== "" && <p className="text-sm text-muted">{strategy.description}</p>}
          {strategy.enabled && incomplete && <p className="text-sm text-degraded">{t("admin.incomplete")}</p>}
        </div>
        <div className="flex shrink-0 items-center gap-3">
          <span className="text-sm text-muted">{strategy.enabled ? t("admin.on") : t("admin.off")}</span>
          <Switch label={t("admin.allow", { strategy: strategy.displayName })} showLabel={false} checked={strategy.enabled} onChange={(enabled) => turn.mutate({ strategy, enabled })} />
        </div>
      </div>
      {fields.length > 0 && (
        <details className="group mt-2">
          <summary aria-label={t("admin.settingsOf", { strategy: strategy.displayName })} className="inline-flex min-h-6 items-center gap-1.5 rounded font-medium">
            <Icon name="chevronDown" className="size-4 -rotate-90 transition-transform group-open:rotate-0" />
            {t("admin.settings")}
          </summary>
          <StrategyForm strategy={strategy} fields={fields} edited={edited} onSaved={test.reset} />
        </details>
      )}
      {strategy.enabled && <StrategyTest strategy={strategy} incomplete={incomplete} unsaved={edited.unsaved} test={test} />}
    </li>
  );
}
