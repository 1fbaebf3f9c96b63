import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, type Input, type Output } from "@/lib/client";
import { t } from "@/lib/i18n/t";
import { refresh, rpcQuery } from "@/lib/query";
import type { FreeForm } from "@/lib/record";
import { useOptimistic } from "@/ui/use-optimistic";
import { useUnsentReads } from "./unsent";

export type Inbox = Output<"notification", "getNotifications">;
export type UnreadCount = Output<"notification", "getUnreadCount">;
type Subscriptions = Output<"notification", "getSubscriptions">;
type Channels = Output<"notification", "getUserDeliveryChannels">;
type Strategies = Output<"notification", "getDeliveryStrategies">;

export type Notification = Inbox["notifications"][number];
export type Subscription = Subscriptions[number];
export type Channel = Channels[number];
export type Strategy = Strategies[number];

export const PAGE_SIZE = 20;
export const BELL_SIZE = 5;
/** As many as the server answers at once. */
const MOST_ROWS = 100;

/** What shows the inbox. */
export const inboxKeys = [
  ["notification", "getUnreadCount"],
  ["notification", "getNotifications"],
];
const subscriptionKeys = [["notification", "getSubscriptions"]];
const channelKeys = [["notification", "getUserDeliveryChannels"]];
const strategyKeys = [["notification", "getDeliveryStrategies"]];

/** How many are unread, as the page shows it: what its reader just marked no longer counts. */
export function useUnreadCount(enabled = true): number {
  const { data } = useQuery({ ...rpcQuery("notification", "getUnreadCount"), enabled });
  const unsent = useUnsentReads();
  return Math.max(0, (data?.count ?? 0) - unsent.size);
}

/** The newest unread ones, for the bell; asked for once it is opened. Those that the page no longer counts as unread come on top. */
export function useLatest(enabled: boolean) {
  const limit = Math.min(BELL_SIZE + useUnsentReads().size, MOST_ROWS);
  return useQuery({ ...rpcQuery("notification", "getNotifications", { limit, offset: 0, unreadOnly: true }), enabled, placeholderData: keepPreviousData });
}

/** Which rows of the inbox are asked for; without a text to search for, all of them. */
export type View = Pick<Input<"notification", "getNotifications">, "unreadOnly" | "search">;

/** One page of the inbox, from 1; the page before stays in view while the next is fetched. */
export function useInbox(page: number, view: View) {
  return useQuery({
    ...rpcQuery("notification", "getNotifications", { limit: PAGE_SIZE, offset: (page - 1) * PAGE_SIZE, ...view }),
    placeholderData: keepPreviousData,
  });
}

/** The newest rows of one collapse key, whichever pages of the inbox they stand on. */
export function useCardRows(collapseKey: string | undefined) {
  return useQuery({
    ...rpcQuery("notification", "getNotifications", { limit: PAGE_SIZE, offset: 0, ...(collapseKey === undefined ? {} : { collapseKey }) }),
    enabled: collapseKey !== undefined,
  });
}

/** Marks one notification as read, or all of them when none is named: at once and for good. (What can be undone is in `use-undo.ts`.) */
export function useMarkAsRead() {
  return useOptimistic({
    // It may be followed by a link that leads away.
    call: (one: Notification | undefined) => client.notification.markAsRead(one ? { notificationId: one.id } : {}, { context: { keepalive: true } }),
    keys: inboxKeys,
    show: (one, patch) => {
      patch<UnreadCount>(["notification", "getUnreadCount"], ({ count }) => ({ count: one ? Math.max(0, count - (one.isRead ? 0 : 1)) : 0 }));
      patch<Inbox>(["notification", "getNotifications"], (inbox) => ({
        ...inbox,
        notifications: inbox.notifications.map((each) => (!one || each.id === one.id ? { ...each, isRead: true } : each)),
      }));
    },
    what: () => t("inbox.marking"),
  });
}

export function useSubscriptions() {
  return useQuery(rpcQuery("notification", "getSubscriptions"));
}

/** Everything one can be told about. */
export function useGroups() {
  return useQuery(rpcQuery("notification", "getGroups"));
}

export function useSetSubscription() {
  return useOptimistic({
    call: ({ groupId, wanted }: { groupId: string; groupName: string; wanted: boolean }) =>
      wanted ? client.notification.subscribe({ groupId }) : client.notification.unsubscribe({ groupId }),
    keys: subscriptionKeys,
    show: ({ groupId, groupName, wanted }, patch) => {
      patch<Subscriptions>(["notification", "getSubscriptions"], (all) => {
        const others = all.filter((each) => each.groupId !== groupId);
        return wanted ? [...others, { groupId, groupName, groupDescription: "", ownerPlugin: "", subscribedAt: new Date() }] : others;
      });
    },
    what: ({ wanted }) => (wanted ? t("system.subscription") : t("settings.unsubscribing")),
  });
}

export function useChannels(enabled = true) {
  return useQuery({ ...rpcQuery("notification", "getUserDeliveryChannels"), enabled });
}

/** Turns a channel on or off; its own settings are kept. */
export function useSwitchChannel() {
  return useOptimistic({
    call: ({ channel, enabled }: { channel: Channel; enabled: boolean }) => client.notification.setUserDeliveryPreference({ strategyId: channel.strategyId, enabled }),
    keys: channelKeys,
    show: ({ channel, enabled }, patch) => {
      patch<Channels>(["notification", "getUserDeliveryChannels"], (all) => all.map((each) => (each.strategyId === channel.strategyId ? { ...each, enabled } : each)));
    },
    what: ({ channel }) => t("channel.switching", { channel: channel.displayName }),
  });
}

/** Changes a channel's own settings: what is left out is kept, null clears; null for all of it takes the channel down. */
export function useSaveChannel() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ channel, userConfig }: { channel: Channel; userConfig: FreeForm | null }) =>
      client.notification.setUserDeliveryPreference({ strategyId: channel.strategyId, enabled: channel.enabled, userConfig }),
    onSuccess: () => refresh(queries, channelKeys),
  });
}

/** When a channel may speak; what else is set of it stays. */
export function useSaveTimes() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ channel, ...times }: { channel: Channel } & Pick<Input<"notification", "setUserDeliveryPreference">, "digestMinutes" | "quietHours">) =>
      client.notification.setUserDeliveryPreference({ strategyId: channel.strategyId, enabled: channel.enabled, ...times }),
    onSuccess: () => refresh(queries, channelKeys),
  });
}

/** Where the browser is to go to connect an account to a channel; it comes back to the settings. */
export function useConnect() {
  return useMutation({ mutationFn: (channel: Channel) => client.notification.getDeliveryOAuthUrl({ strategyId: channel.strategyId, returnUrl: "/settings" }) });
}

/** Forgets the account that is connected to a channel. */
export function useDisconnect() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (channel: Channel) => client.notification.unlinkDeliveryChannel({ strategyId: channel.strategyId }),
    onSuccess: () => refresh(queries, channelKeys),
  });
}

export function useStrategies() {
  return useQuery(rpcQuery("notification", "getDeliveryStrategies"));
}

export function useSwitchStrategy() {
  return useOptimistic({
    call: ({ strategy, enabled }: { strategy: Strategy; enabled: boolean }) => client.notification.updateDeliveryStrategy({ strategyId: strategy.qualifiedId, enabled }),
    keys: [...strategyKeys, ...channelKeys],
    show: ({ strategy, enabled }, patch) => {
      patch<Strategies>(["notification", "getDeliveryStrategies"], (all) => all.map((each) => (each.qualifiedId === strategy.qualifiedId ? { ...each, enabled } : each)));
    },
    what: ({ strategy }) => t("admin.switching", { strategy: strategy.displayName }),
  });
}

/** Changes a channel's settings for everybody: what is left out is kept, null clears. */
export function useSaveStrategy() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ strategy, config }: { strategy: Strategy; config: FreeForm }) =>
      client.notification.updateDeliveryStrategy({ strategyId: strategy.qualifiedId, enabled: strategy.enabled, config }),
    onSuccess: () => refresh(queries, [...strategyKeys, ...channelKeys]),
  });
}
