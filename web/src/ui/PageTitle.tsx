import { createContext, use } from "react";
import { t } from "@/lib/i18n/t";
import { badgeCount } from "@/lib/format";

/** How many notifications are unread, for the title of the page; the shell knows it. */
export const UnreadContext = createContext(0);

/** The document's title; what is unread comes first, where a narrow tab still shows it. */
export function PageTitle({ text }: { text: string }) {
  const unread = use(UnreadContext);
  return <title>{unread > 0 ? t("app.titleUnread", { page: text, unread: badgeCount(unread) }) : t("app.title", { page: text })}</title>;
}
