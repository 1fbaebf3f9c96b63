import { useRef, useState } from "react";
import { t } from "@/lib/i18n/later";
import { Button } from "@/ui/Button";
import type { ButtonTone } from "@/ui/button-style";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { MOST_UNREAD, useAllUnread } from "../all-unread";
import { useMarkAsRead, useUnreadCount } from "../queries";
import { useUndo } from "../use-undo";

interface MarkAllReadProps {
  tone?: ButtonTone;
  small?: boolean;
  /** The button goes with the last unread one: who pressed it is to be led elsewhere. */
  onDone: () => void;
}

/** Marks all that is unread as read, with a way back; of more than there is one for, it asks first. Nothing when all is read. */
export function MarkAllRead({ onDone, ...look }: MarkAllReadProps) {
  const unread = useUnreadCount();
  const markAsRead = useMarkAsRead();
  const { markAllRead } = useUndo();
  const button = useRef<HTMLButtonElement>(null);
  /** How many are to be marked without a way back, once that is confirmed. */
  const [tooMany, setTooMany] = useState<number>();
  const allUnread = useAllUnread(({ rows, total }) => {
    if (total > MOST_UNREAD) {
      setTooMany(total);
      return;
    }
    markAllRead(rows);
    if (button.current) onDone();
  });

  return (
    <>
      {unread > 0 && (
        <Button {...look} ref={button} busy={allUnread.isPending} onClick={() => allUnread.mutate()}>
          {t("inbox.markAll")}
        </Button>
      )}
      {tooMany !== undefined && (
        <ConfirmDialog
          title={t("inbox.markAllTitle", { count: tooMany })}
          text={t("inbox.markAllText", { most: MOST_UNREAD })}
          confirm={t("inbox.markAll")}
          busy={false}
          onConfirm={() => {
            setTooMany(undefined);
            markAsRead.mutate(undefined, { onSuccess: onDone });
          }}
          onClose={() => setTooMany(undefined)}
        />
      )}
    </>
  );
}
