import { cloneElement, lazy, Suspense, useState, type ComponentProps, type ReactElement, type ReactNode } from "react";

export interface PopoverProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** The button it hangs from. */
  trigger: ReactElement<ComponentProps<"button">>;
  label: string;
  className?: string;
  children: ReactNode;
}

const load = () => import("./AnchoredPanel");
const AnchoredPanel = lazy(() => load().then(({ AnchoredPanel }) => ({ default: AnchoredPanel })));

/**
 * A panel under a button. Escape and a click elsewhere close it, and the button has the focus again.
 *
 * Placing it takes a seventh of what the first page may weigh, so that part is fetched when the button is about to be pressed.
 */
export function Popover(props: PopoverProps) {
  const [used, setUsed] = useState(false);
  const waiting = cloneElement(props.trigger, {
    "aria-haspopup": "dialog",
    "aria-expanded": props.open,
    onPointerEnter: () => void load(),
    onFocus: () => void load(),
    onClick: () => {
      setUsed(true);
      props.onOpenChange(true);
    },
  });
  if (!used) return waiting;
  return (
    <Suspense fallback={waiting}>
      <AnchoredPanel {...props} />
    </Suspense>
  );
}
