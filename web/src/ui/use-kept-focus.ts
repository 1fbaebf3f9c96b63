import { useLayoutEffect, useRef, type FocusEvent } from "react";
import { focusContent } from "./focus-content";

/**
 * Keeps the place of who walks a list by keyboard when the control they pressed goes with it, as the one that marks a row as read or
 * deletes it does. The focus then goes to the last control of the row that stands there now, and to the page's content when none is
 * left. (A browser lets it fall back to the top of the page.) The props belong to the list, whose children are the rows.
 */
export function useKeptFocus<E extends HTMLElement>() {
  const list = useRef<E>(null);
  const last = useRef<{ element: Element; row: number } | undefined>(undefined);

  useLayoutEffect(() => {
    if (!last.current || last.current.element.isConnected) return;
    const { row } = last.current;
    last.current = undefined;
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    const rows = list.current?.children ?? [];
    const controls = rows[Math.min(row, rows.length - 1)]?.querySelectorAll<HTMLElement>("button, a[href]");
    const control = controls?.[controls.length - 1];
    if (control) control.focus();
    else focusContent();
  });

  return {
    ref: list,
    onFocus: ({ target, currentTarget }: FocusEvent<E>) => {
      const row = Array.from(currentTarget.children).findIndex((each) => each.contains(target));
      last.current = row < 0 ? undefined : { element: target, row };
    },
    // An element that is removed is not told of it, so whoever hears this has walked away.
    onBlur: ({ target }: FocusEvent<E>) => {
      if (document.activeElement !== target) last.current = undefined;
    },
  };
}
