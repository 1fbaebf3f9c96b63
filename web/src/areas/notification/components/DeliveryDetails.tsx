import { Link } from "@tanstack/react-router";
import { useAccess } from "@/areas/auth/queries";
import { t } from "@/lib/i18n/later";
import { RelativeTime } from "@/ui/RelativeTime";
import { outcomeOf, type Delivery } from "../deliveries";
import { saidOf } from "./DeliveryLine";
import { OutcomeMark } from "./OutcomeMark";

interface DeliveryDetailsProps {
  notificationId: string;
  deliveries: readonly Delivery[];
}

/** The ways of one notification over channels: how often each was tried, and why the last try failed. Administrators are led to the tries. */
export function DeliveryDetails({ notificationId, deliveries }: DeliveryDetailsProps) {
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
            {delivery.state !== "delivered" && delivery.reason !== undefined && <p className="pl-5 break-words text-muted">{delivery.reason}</p>}
          </li>
        ))}
      </ul>
      {administrator && (
        <Link to="/administration/attempts" search={{ notification: notificationId }} className="mt-2 inline-block text-accent-text hover:underline">
          {t("attempts.ofNotification")}
        </Link>
      )}
    </div>
  );
}
