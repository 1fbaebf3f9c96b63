import { Link } from "@tanstack/react-router";
import { t } from "@/lib/i18n/later";
import type { ChannelTest } from "../channel-test";
import { useChannels, type Strategy } from "../queries";
import { TestButton } from "./TestButton";
import { TestOutcome } from "./TestOutcome";

interface StrategyTestProps {
  strategy: Strategy;
  /** Nothing goes over it before its settings are complete, whoever else has set it up. */
  incomplete: boolean;
  unsaved: boolean;
  test: ChannelTest;
}

/** Lets an administrator try a channel on himself, which takes an address of his own there. */
export function StrategyTest({ strategy, incomplete, unsaved, test }: StrategyTestProps) {
  const name = strategy.displayName;
  const own = useChannels(test.data?.success === false).data?.find((each) => each.strategyId === strategy.qualifiedId);
  return (
    <div className="mt-3 flex max-w-[34rem] flex-col gap-3">
      <TestOutcome test={test}>
        {own?.isConfigured === false && !incomplete && (
          <p className="mt-1">
            {t("admin.testIsYours")}{" "}
            <Link to="/settings" hash={strategy.qualifiedId} className="font-medium underline underline-offset-2">
              {t("admin.setUpYours", { strategy: name })}
            </Link>
          </p>
        )}
      </TestOutcome>
      <div className="flex flex-wrap gap-2">
        <TestButton test={test} unsaved={unsaved} text={t("admin.test")} name={t("admin.testOf", { strategy: name })} />
      </div>
    </div>
  );
}
