import { useLayoutEffect, useRef, type ReactNode } from "react";

interface DialogProps {
  label: string;
  /** Asked for by Escape or a press beside it. Without it, only what stands in the panel closes it. */
  onClose?: () => void;
  className?: string;
  children: ReactNode;
}

/**
 * A modal panel; mounted means open. It is the browser's own dialog, which keeps the focus inside, the rest of the page inert and
 * gives the focus back. (Radix's would add a style element at run time, which the page's Content-Security-Policy forbids.)
 */
export function Dialog({ label, onClose, className = "", children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);

  // Before the element is taken out of the page: only a dialog that is closed while it is in it gives the focus back.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);

  return (
    // The press beside the panel is a shortcut for the mouse; the keyboard has Escape, which the browser turns into `cancel`.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <dialog
      ref={ref}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onKeyDown={(event) => {
        // A browser asks once by `cancel`, and closes by itself at the second Escape.
        if (event.key === "Escape" && !onClose) event.preventDefault();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose?.();
      }}
      className={`arrive bg-raised text-text shadow-raised ${className}`}
    >
      {children}
    </dialog>
  );
}
