import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { t } from "@/lib/i18n/later";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { Loaded } from "@/ui/Loaded";
import { RelativeTime } from "@/ui/RelativeTime";
import { Skeleton } from "@/ui/Skeleton";
import { Switch } from "@/ui/Switch";
import { useGroups, useSetSubscription, useSubscriptions, type Subscription } from "../queries";

/** The owner of the groups of systems, which have a switch on the page of each system. */
const SYSTEMS = "catalog";

interface Line {
  groupId: string;
  name: string;
  description: string;
  since: Date | undefined;
}

/**
 * What its reader is told about. One that is turned off stays in its place, so that it can be turned on again; groups of outside
 * senders stand here in any case, since they have no page of their own.
 */
export function SubscriptionList() {
  const subscriptions = useSubscriptions();
  const groups = useGroups();
  const set = useSetSubscription();
  const [ended, setEnded] = useState<readonly Subscription[]>([]);

  const linesOf = (subscribed: readonly Subscription[]): Line[] => {
    const lines = new Map<string, Line>();
    for (const { id, name, description, ownerPlugin } of groups.data ?? []) if (ownerPlugin !== SYSTEMS) lines.set(id, { groupId: id, name, description, since: undefined });
    for (const { groupId, groupName, groupDescription } of ended) lines.set(groupId, { groupId, name: groupName, description: groupDescription, since: undefined });
    for (const { groupId, groupName, groupDescription, subscribedAt } of subscribed) lines.set(groupId, { groupId, name: groupName, description: groupDescription, since: subscribedAt });
    return [...lines.values()].sort((a, b) => a.name.localeCompare(b.name));
  };

  return (
    <>
      <Loaded
        query={subscriptions}
        loading={<Skeleton rows={3} />}
        isEmpty={(all) => linesOf(all).length === 0}
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
            {linesOf(all).map(({ groupId, name, description, since }) => (
              <li key={groupId} className="flex items-center justify-between gap-4 px-5 py-3">
                <div className="min-w-0">
                  <p className="font-medium wrap-anywhere">{name}</p>
                  <p className="text-sm wrap-anywhere text-muted">
                    {since === undefined ? (
                      description
                    ) : (
                      <>
                        {t("settings.subscribed")} <RelativeTime at={since} />
                      </>
                    )}
                  </p>
                </div>
                <Switch
                  label={t("settings.tellMeAbout", { group: name })}
                  showLabel={false}
                  checked={since !== undefined}
                  onChange={(wanted) => {
                    if (!wanted) setEnded((before) => [...before, ...all.filter((each) => each.groupId === groupId)]);
                    set.mutate({ groupId, groupName: name, wanted });
                  }}
                />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {subscriptions.data !== undefined && groups.isError && groups.data === undefined && (
        <div className="border-t border-line">
          <ErrorState error={groups.error} onRetry={() => void groups.refetch()} />
        </div>
      )}
    </>
  );
}
