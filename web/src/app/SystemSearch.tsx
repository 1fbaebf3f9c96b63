import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { t } from "@/lib/i18n/t";
import { SearchField } from "@/ui/SearchField";

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
    <SearchField
      ref={input}
      label={t("search.label")}
      value={q}
      onValue={(typed) => void navigate({ to: "/", search: typed === "" ? {} : { q: typed }, replace: q !== "" })}
      className="flex-1 sm:max-w-80"
    />
  );
}
