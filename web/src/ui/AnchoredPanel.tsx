import * as Radix from "@radix-ui/react-popover";
import type { PopoverProps } from "./Popover";

/** The part of Popover that is fetched when it is first needed. */
export function AnchoredPanel({ open, onOpenChange, trigger, label, className = "", children }: PopoverProps) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content aria-label={label} align="end" sideOffset={8} collisionPadding={12} className={`arrive z-40 max-w-[calc(100vw-1.5rem)] rounded-xl bg-raised shadow-raised ${className}`}>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
