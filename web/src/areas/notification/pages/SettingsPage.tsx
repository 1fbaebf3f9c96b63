import { Link, useSearch } from "@tanstack/react-router";
import { useAccess } from "@/areas/auth/queries";
import { t } from "@/lib/i18n/later";
import { buttonStyle } from "@/ui/button-style";
import { EmptyState } from "@/ui/EmptyState";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Section } from "@/ui/Section";
import { Skeleton } from "@/ui/Skeleton";
import { ThemeChoice } from "@/areas/theme/components/ThemeChoice";
import { ChannelCard } from "../components/ChannelCard";
import { ConnectOutcome } from "../components/ConnectOutcome";
import { SubscriptionList } from "../components/SubscriptionList";
import { useChannels } from "../queries";

export function SettingsPage() {
  const { linked, error } = useSearch({ from: "/shell/settings/" });
  const channels = useChannels();
  const administrator = useAccess()("notification.notification.manage");
  return (
    <>
      <PageHeader title={t("settings.title")} />
      <ConnectOutcome linked={linked && (channels.data?.find((each) => each.strategyId === linked)?.displayName ?? linked)} error={error} />
      <Section title={t("settings.channels")} hint={t("settings.channelsHint")}>
        <Loaded
          query={channels}
          loading={<Skeleton rows={2} className="h-20" />}
          isEmpty={(all) => all.length === 0}
          empty={() => (
            <EmptyState icon="bell" title={t("settings.noChannels")} text={administrator ? t("settings.noChannelsAdmin") : t("settings.noChannelsHint")}>
              {administrator && (
                <Link to="/administration" className={buttonStyle("primary")}>
                  {t("settings.openAdministration")}
                </Link>
              )}
            </EmptyState>
          )}
        >
          {(all) => (
            <div className="divide-y divide-line">
              {all.map((channel) => (
                <ChannelCard key={channel.strategyId} channel={channel} />
              ))}
            </div>
          )}
        </Loaded>
      </Section>
      <Section title={t("settings.subscriptions")} hint={t("settings.subscriptionsHint")}>
        <SubscriptionList />
      </Section>
      <Section title={t("settings.theme")} hint={t("settings.themeHint")}>
        <div className="p-5">
          <ThemeChoice />
        </div>
      </Section>
    </>
  );
}
