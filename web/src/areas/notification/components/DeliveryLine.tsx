import { t } from "@/lib/i18n/later";
import { isWaiting, outcomeOf, type Delivery } from "../deliveries";
import { OutcomeMark } from "./OutcomeMark";

const says = {
  pending: (channel: string) => t("delivery.pending", { channel }),
  delivered: (channel: string) => t("delivery.delivered", { channel }),
  refused: (channel: string) => t("delivery.refused", { channel }),
  dead: (channel: string) => t("delivery.dead", { channel }),
} satisfies Record<Delivery["state"], (channel: string) => string>;

export const saidOf = (delivery: Delivery) => (isWaiting(delivery) ? t("delivery.waiting", { channel: delivery.displayName }) : says[delivery.state](delivery.displayName));

/** Which channels a notification went over, and what became of it there. */
export function DeliveryLine({ deliveries }: { deliveries: readonly Delivery[] }) {
  return deliveries.map((delivery) => <OutcomeMark key={delivery.strategyId} outcome={outcomeOf(delivery)} said={saidOf(delivery)} />);
}
