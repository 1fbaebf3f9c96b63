import { Link } from "@tanstack/react-router";
import { useAccess } from "@/areas/auth/queries";
import { t } from "@/lib/i18n/later";
import { useNow } from "@/lib/use-now";
import { RelativeTime } from "@/ui/RelativeTime";
import { heldBy } from "../channel-times";
import { isWaiting, outcomeOf, type Delivery } from "../deliveries";
import { useChannels, type Notification } from "../queries";
import { saidOf } from "./DeliveryLine";
import { OutcomeMark } from "./OutcomeMark";

interface DeliveryDetailsProps {
  notification: Notification;
  deliveries: readonly Delivery[];
}

/** The ways of one notification over channels: how often each was tried, and why it waits or the last try failed. Administrators are led to the tries. */
export function DeliveryDetails({ notification, deliveries }: DeliveryDetailsProps) {
  const administrator = useAccess()("notification.notification.manage");
  if (deliveries.length === 0) return <p className="text-sm text-muted">{t("delivery.none")}</p>;
  return (
    <div className="text-sm">
      <ul aria-label={t("delivery.title")} className="flex flex-col gap-1.5">
        {deliveries.map((delivery) => (
          <li key={delivery.strategyId}>
            <div className="flex flex-wrap items-center gap-x-3">
              <OutcomeMark outcome={outcomeOf(delivery)} said={saidOf(delivery)} />
              <span className="text-muted">
                {delivery.attempts > 0 && <>{t("delivery.tries", { count: delivery.attempts })} · </>}
                <RelativeTime at={delivery.updatedAt} />
              </span>
            </div>
            {isWaiting(delivery) && notification.importance !== "critical" && <Held strategyId={delivery.strategyId} />}
            {delivery.state !== "delivered" && delivery.reason !== undefined && <p className="pl-5 wrap-anywhere text-muted">{delivery.reason}</p>}
          </li>
        ))}
      </ul>
      {administrator && (
        <Link to="/administration/attempts" search={{ notification: notification.id }} className="mt-2 inline-block text-accent-text hover:underline">
          {t("attempts.ofNotification")}
        </Link>
      )}
    </div>
  );
}

/** What its reader has set about the channel that may be why nothing was sent yet. */
function Held({ strategyId }: { strategyId: string }) {
  const now = useNow();
  const channel = useChannels().data?.find((each) => each.strategyId === strategyId);
  const why = channel && heldBy(channel, now);
  return why === undefined ? null : <p className="pl-5 wrap-anywhere text-muted">{why}</p>;
}
