import { useRouter } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { safeLink } from "@/lib/safe-link";

interface SmartLinkProps {
  /** A site path or an absolute address, as notifications carry it. */
  href: string;
  className?: string;
  onFollow?: (() => void) | undefined;
  children: ReactNode;
}

/** A link whose target came from the server: within the app when it leads here, by the browser when it leads away. */
export function SmartLink({ href, className, onFollow, children }: SmartLinkProps) {
  const router = useRouter();
  const target = safeLink(href);
  if (!target) return null;
  const inside = target.origin === window.location.origin;
  return (
    <a
      href={target.href}
      rel={inside ? undefined : "noreferrer noopener"}
      className={className}
      onClick={(event) => {
        onFollow?.();
        if (!inside || event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        router.history.push(target.pathname + target.search + target.hash);
      }}
    >
      {children}
    </a>
  );
}
