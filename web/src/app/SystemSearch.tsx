import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { t } from "@/lib/i18n/t";
import { Icon } from "@/ui/Icon";

/** Narrows the list of systems by name, from any page; `/` leads here. What is searched for stands in the address. */
export function SystemSearch() {
  const { q = "" } = useSearch({ strict: false });
  const navigate = useNavigate();
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select, dialog, [contenteditable]");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);

  return (
    <div role="search" className="relative min-w-0 flex-1 sm:max-w-80">
      <Icon name="search" className="pointer-events-none absolute top-2.5 left-3 size-4 text-muted" />
      <input
        ref={input}
        type="search"
        aria-label={t("search.label")}
        placeholder={t("search.label")}
        value={q}
        onChange={(event) => void navigate({ to: "/", search: event.target.value === "" ? {} : { q: event.target.value }, replace: q !== "" })}
        className="h-9 w-full rounded-lg border border-line bg-canvas pr-3 pl-9 placeholder:text-muted"
      />
    </div>
  );
}
