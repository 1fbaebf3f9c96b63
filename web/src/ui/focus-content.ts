/** Puts the focus at the beginning of the page's content, without scrolling: for when what had it is gone. */
export function focusContent(): void {
  document.getElementById("content")?.focus({ preventScroll: true });
}
