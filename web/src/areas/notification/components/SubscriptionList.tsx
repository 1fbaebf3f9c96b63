import { Link } from "@tanstack/react-router";
import { t } from "@/lib/i18n/t";
import { Button } from "@/ui/Button";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { Loaded } from "@/ui/Loaded";
import { RelativeTime } from "@/ui/RelativeTime";
import { Skeleton } from "@/ui/Skeleton";
import { useSetSubscription, useSubscriptions } from "../queries";

export function SubscriptionList() {
  const subscriptions = useSubscriptions();
  const set = useSetSubscription();
  return (
    <Loaded
      query={subscriptions}
      loading={<Skeleton rows={3} />}
      isEmpty={(all) => all.length === 0}
      empty={() => (
        <EmptyState icon="bell" title={t("settings.noSubscriptions")} text={t("settings.noSubscriptionsHint")}>
          <Link to="/" className={buttonStyle("primary")}>
            {t("inbox.emptyAction")}
          </Link>
        </EmptyState>
      )}
    >
      {(all) => (
        <ul className="divide-y divide-line">
          {[...all]
            .sort((a, b) => a.groupName.localeCompare(b.groupName))
            .map(({ groupId, groupName, subscribedAt }) => (
              <li key={groupId} className="flex items-center justify-between gap-4 px-5 py-3">
                <div className="min-w-0">
                  <p className="font-medium">{groupName}</p>
                  <p className="text-sm text-muted">
                    {t("settings.subscribed", { time: "" })}
                    <RelativeTime at={subscribedAt} />
                  </p>
                </div>
                <Button small aria-label={t("settings.unsubscribeFrom", { group: groupName })} onClick={() => set.mutate({ groupId, groupName, wanted: false })}>
                  {t("settings.unsubscribe")}
                </Button>
              </li>
            ))}
        </ul>
      )}
    </Loaded>
  );
}
