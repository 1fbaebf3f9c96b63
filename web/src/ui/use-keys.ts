import { useEffect, useEffectEvent } from "react";

/** Where letters are typed or chosen by; a checkbox takes none. */
const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]:not([contenteditable=false]), dialog, [role=dialog]";

interface KeysOptions {
  /** Keys that act again and again while they are held down. */
  repeating?: string;
}

/**
 * Single keys that act on the page as long as it is shown. They are left alone where something is typed, while a dialog is open, while an
 * input method composes, and together with Ctrl, Alt or ⌘, which are the browser's. What is taken here reaches nobody else.
 */
export function useKeys(keys: Readonly<Partial<Record<string, () => void>>>, { repeating = "" }: KeysOptions = {}): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    const act = keys[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (event.target instanceof Element && event.target.closest(TYPING) !== null) return;
    if (document.querySelector("dialog[open]") !== null) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat || repeating.includes(event.key)) act();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => press(event);
    // Before anybody else: a page's key goes before the same one of the bars around it.
    document.addEventListener("keydown", listener, true);
    return () => document.removeEventListener("keydown", listener, true);
  }, []);
}
