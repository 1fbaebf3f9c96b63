import { useLayoutEffect, useRef, type FocusEvent } from "react";
import { focusContent } from "./focus-content";

/** By what a control of one row is known in the next one. */
const nameOf = (element: HTMLElement) => element.dataset["control"] ?? element.getAttribute("aria-label");

/**
 * Keeps the place of who walks a list by keyboard when the control they pressed goes with it, as the one that marks a row as read or
 * deletes it does. The focus then goes to the same control of the row that stands there now, else to its first, which does the least;
 * and to the page's content when no row is left. (A browser lets it fall back to the top of the page.) The props belong to the list,
 * whose children are the rows.
 */
export function useKeptFocus<E extends HTMLElement>() {
  const list = useRef<E>(null);
  const last = useRef<{ element: HTMLElement; row: number } | undefined>(undefined);

  useLayoutEffect(() => {
    if (!last.current || last.current.element.isConnected) return;
    const { element, row } = last.current;
    last.current = undefined;
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    const rows = list.current?.children ?? [];
    const controls = Array.from(rows[Math.min(row, rows.length - 1)]?.querySelectorAll<HTMLElement>("button, a[href]") ?? []);
    const control = controls.find((each) => nameOf(each) === nameOf(element)) ?? controls[0];
    if (control) control.focus();
    else focusContent();
  });

  return {
    ref: list,
    onFocus: ({ target, currentTarget }: FocusEvent<E, HTMLElement>) => {
      const row = Array.from(currentTarget.children).findIndex((each) => each.contains(target));
      last.current = row < 0 ? undefined : { element: target, row };
    },
    // An element that is removed is not told of it, so whoever hears this has walked away.
    onBlur: ({ target }: FocusEvent<E>) => {
      if (document.activeElement !== target) last.current = undefined;
    },
  };
}
