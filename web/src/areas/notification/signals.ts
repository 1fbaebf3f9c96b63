import type { SignalTable } from "@/lib/signals";

const inbox = () => [
  ["notification", "getUnreadCount"],
  ["notification", "getNotifications"],
];

export const notificationSignals: SignalTable = {
  "notification.received": inbox,
  "notification.read": inbox,
  "notification.countChanged": inbox,
};
