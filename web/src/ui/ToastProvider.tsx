import { useCallback, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { t } from "@/lib/i18n/t";
import { Button } from "./Button";
import { IconButton } from "./IconButton";
import { classes } from "./classes";
import { focusContent } from "./focus-content";
import { ToastContext, type ToastMessage } from "./toasts";

const SHOWN_MS = 6_000;
const MOST = 3;

interface Shown extends ToastMessage {
  id: number;
}

/** Keeps the last few messages in view. The two live regions are always there, since one added with its text is not read aloud. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<Shown[]>([]);
  const nextId = useRef(0);
  /** What has the focus among the messages, and where the focus came from. */
  const focused = useRef<{ element: Element; from: Element | null } | undefined>(undefined);

  // A message that goes gives the focus back; a browser lets it fall to the top of the page.
  useLayoutEffect(() => {
    if (!focused.current || focused.current.element.isConnected) return;
    const { from } = focused.current;
    focused.current = undefined;
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    if (from instanceof HTMLElement && from.isConnected) from.focus({ preventScroll: true });
    else focusContent();
  });

  const close = useCallback((id: number) => setShown((all) => all.filter((each) => each.id !== id)), []);
  const show = useCallback(
    (message: ToastMessage) => {
      const id = nextId.current++;
      setShown((all) => [...all.slice(1 - MOST), { ...message, id }]);
      if (message.tone !== "error" && !message.stays) setTimeout(() => close(id), SHOWN_MS);
      return () => close(id);
    },
    [close],
  );

  const list = (tone: "plain" | "error") =>
    shown
      .filter((message) => (message.tone ?? "plain") === tone)
      .map((message) => (
        <div key={message.id} className={classes("arrive pointer-events-auto flex items-start gap-2 rounded-xl bg-raised py-2 pr-2 pl-4 shadow-raised", tone === "error" && "border-l-4 border-unhealthy-mark")}>
          <p className="line-clamp-3 min-w-0 flex-1 py-1.5 wrap-anywhere">{message.text}</p>
          {message.action && (
            <Button
              onClick={() => {
                close(message.id);
                message.action?.run();
              }}
            >
              {message.action.text}
            </Button>
          )}
          <IconButton icon="close" label={t("action.close")} onClick={() => close(message.id)} />
        </div>
      ));

  return (
    <ToastContext value={show}>
      {children}
      {/* It only watches where the focus is. */}
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions */}
      <div
        className="pointer-events-none fixed inset-x-3 bottom-3 z-50 flex flex-col gap-2 sm:left-auto sm:w-90"
        onFocus={({ target, relatedTarget, currentTarget }) => {
          focused.current = { element: target, from: currentTarget.contains(relatedTarget) ? (focused.current?.from ?? null) : relatedTarget };
        }}
        // An element that is removed is not told of it, so whoever hears this has walked away, or on to the next message.
        onBlur={({ target, relatedTarget, currentTarget }) => {
          if (document.activeElement !== target && !currentTarget.contains(relatedTarget)) focused.current = undefined;
        }}
      >
        <div aria-live="polite" className="flex flex-col gap-2">
          {list("plain")}
        </div>
        <div aria-live="assertive" className="flex flex-col gap-2">
          {list("error")}
        </div>
      </div>
    </ToastContext>
  );
}
