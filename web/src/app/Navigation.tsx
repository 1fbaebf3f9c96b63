import { Link, useLocation } from "@tanstack/react-router";
import { use } from "react";
import { badgeCount } from "@/lib/format";
import { t } from "@/lib/i18n/t";
import { Icon } from "@/ui/Icon";
import { UnreadContext } from "@/ui/PageTitle";
import { useAdministration } from "./sections";

const link =
  "flex min-h-9 items-center gap-3 rounded-lg px-3 font-medium text-muted hover:bg-hover hover:text-text aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent-text";

/** The main parts of the app. `onFollow` closes what the list stands in. */
export function Navigation({ onFollow }: { onFollow?: () => void }) {
  const unread = use(UnreadContext);
  const pathname = useLocation({ select: (location) => location.pathname });
  const [administration] = useAdministration();
  return (
    <nav aria-label={t("nav.label")}>
      <ul className="flex flex-col gap-0.5">
        <li>
          <Link to="/" activeOptions={{ exact: true, includeSearch: false }} onClick={onFollow} className={link}>
            <Icon name="systems" />
            {t("nav.systems")}
          </Link>
        </li>
        <li>
          <Link to="/inbox" activeOptions={{ includeSearch: false }} onClick={onFollow} className={link}>
            <Icon name="inbox" />
            <span className="flex-1">{t("nav.inbox")}</span>
            {unread > 0 && (
              <span aria-hidden="true" className="text-sm tabular-nums">
                {badgeCount(unread)}
              </span>
            )}
          </Link>
        </li>
        <li>
          <Link to="/settings" onClick={onFollow} className={link}>
            <Icon name="gear" />
            {t("nav.settings")}
          </Link>
        </li>
        {administration && (
          <li>
            {/* Its first part that is open to the reader; marked on all of them. */}
            <Link to={administration.to} aria-current={pathname.startsWith("/administration") ? "page" : undefined} onClick={onFollow} className={link}>
              <Icon name="shield" />
              {t("nav.administration")}
            </Link>
          </li>
        )}
      </ul>
    </nav>
  );
}
