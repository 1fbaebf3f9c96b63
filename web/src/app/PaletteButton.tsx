import { lazy, Suspense, useEffect, useState } from "react";
import { t } from "@/lib/i18n/t";

/** The part that is fetched when it is first opened, or with the other pages. */
export const loadPalette = () => import("./CommandPalette");
const CommandPalette = lazy(() => loadPalette().then(({ CommandPalette }) => ({ default: CommandPalette })));

const KEYS = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘K" : "Ctrl K";

/** Opens the way to everything, as Ctrl+K does on any page (⌘K on a Mac). */
export function PaletteButton() {
  const [open, setOpen] = useState(false);

  useEffect(() => {
    const show = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      // A dialog that is open wants an answer first.
      if (document.querySelector("dialog[open]") === null) setOpen(true);
    };
    document.addEventListener("keydown", show);
    return () => document.removeEventListener("keydown", show);
  }, []);

  return (
    <>
      <button
        type="button"
        title={t("palette.open")}
        aria-keyshortcuts="Control+K Meta+K"
        onClick={() => setOpen(true)}
        className="h-9 shrink-0 rounded-lg border border-line px-2.5 text-sm text-muted hover:bg-hover hover:text-text max-sm:hidden"
      >
        <span className="sr-only">{t("palette.open")} </span>
        <kbd className="font-sans">{KEYS}</kbd>
      </button>
      {open && (
        <Suspense fallback={null}>
          <CommandPalette onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
