import { t } from "@/lib/i18n/t";
import { classes } from "@/ui/classes";
import { IconButton } from "@/ui/IconButton";
import { Markdown } from "@/ui/Markdown";
import { RelativeTime } from "@/ui/RelativeTime";
import { SmartLink } from "@/ui/SmartLink";
import type { Notification } from "../queries";
import { ImportanceMark } from "./ImportanceMark";

interface InboxRowProps {
  notification: Notification;
  onRead: () => void;
  onDelete: () => void;
}

export function InboxRow({ notification, onRead, onDelete }: InboxRowProps) {
  const { title, body, importance, action, isRead, createdAt } = notification;
  return (
    <li data-testid="inbox-row" className="flex items-start gap-3 py-3.5 pr-3 pl-4">
      <span className={classes("mt-2 size-2 shrink-0 rounded-full", isRead ? "bg-transparent" : "bg-accent")}>{!isRead && <span className="sr-only">{t("inbox.isUnread")}</span>}</span>
      <div className="min-w-0 flex-1">
        <h2 className={classes("text-base", isRead ? "font-normal" : "font-semibold")}>{title}</h2>
        {body !== "" && (
          <div className="mt-0.5 text-muted">
            <Markdown text={body} />
          </div>
        )}
        <p className="mt-1.5 flex flex-wrap items-center gap-x-4 gap-y-1 text-sm text-muted">
          <ImportanceMark importance={importance} />
          <RelativeTime at={createdAt} />
          {action && (
            <SmartLink href={action.url} onFollow={isRead ? undefined : onRead} className="font-medium text-accent-text hover:underline">
              {action.label}
            </SmartLink>
          )}
        </p>
      </div>
      <div className="flex shrink-0 gap-0.5">
        {!isRead && <IconButton icon="check" label={t("inbox.markRead")} onClick={onRead} />}
        <IconButton icon="trash" label={t("inbox.delete")} onClick={onDelete} />
      </div>
    </li>
  );
}
