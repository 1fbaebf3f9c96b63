/** Puts the focus at the part of the page that a link named, else at the beginning of its content, without scrolling: for when what had it is gone. */
export function focusContent(part = ""): void {
  (document.getElementById(part) ?? document.getElementById("content"))?.focus({ preventScroll: true });
}
