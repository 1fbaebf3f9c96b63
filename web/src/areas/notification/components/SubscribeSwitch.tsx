import { t } from "@/lib/i18n/later";
import { ErrorState } from "@/ui/ErrorState";
import { Switch } from "@/ui/Switch";
import { useToast } from "@/ui/toasts";
import { useSetSubscription, useSubscriptions } from "../queries";

interface SubscribeSwitchProps {
  groupId: string;
  groupName: string;
  label: string;
  hint: string;
}

/** Whether its reader is told about a group. */
export function SubscribeSwitch({ groupId, groupName, label, hint }: SubscribeSwitchProps) {
  const subscriptions = useSubscriptions();
  const set = useSetSubscription();
  const toast = useToast();
  if (subscriptions.isError && !subscriptions.data) return <ErrorState error={subscriptions.error} onRetry={() => void subscriptions.refetch()} />;
  return (
    <Switch
      label={label}
      hint={hint}
      checked={subscriptions.data?.some((each) => each.groupId === groupId) ?? false}
      disabled={subscriptions.data === undefined}
      onChange={(wanted) =>
        set.mutate(
          { groupId, groupName, wanted },
          { onSuccess: () => toast({ text: wanted ? t("system.subscribed", { system: groupName }) : t("system.unsubscribed", { system: groupName }) }) },
        )
      }
    />
  );
}
