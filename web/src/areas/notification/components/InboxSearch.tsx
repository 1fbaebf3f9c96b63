import { useEffect, useEffectEvent, useState, type KeyboardEvent, type Ref } from "react";
import { t } from "@/lib/i18n/later";
import { SearchField } from "@/ui/SearchField";
import { MOST_SEARCHED, searchable } from "../inbox-search";

/** Long enough between two letters, short enough after the last. */
const PAUSE_MS = 300;

interface InboxSearchProps {
  ref: Ref<HTMLInputElement>;
  /** What the address says is searched for. */
  find: string;
  onFind: (find: string) => void;
  /** Enter or Escape was pressed: who typed wants to go on to what was found. */
  onLeave: () => void;
}

/** Searches as one types, after a pause; Enter searches at once, Escape for nothing any more, and both leave the field. */
export function InboxSearch({ ref, find, onFind, onLeave }: InboxSearchProps) {
  const [typed, setTyped] = useState(find);
  /** What the address says, or was told and will say. */
  const [asked, setAsked] = useState(find);
  const [seen, setSeen] = useState(find);

  // The address changed, and not because it was told to: somebody went back, or followed a link.
  if (find !== seen) {
    setSeen(find);
    if (find !== asked) {
      setAsked(find);
      setTyped(find);
    }
  }

  const ask = (text: string) => {
    const wanted = searchable(text);
    if (wanted === asked) return;
    setAsked(wanted);
    onFind(wanted);
  };

  const askLater = useEffectEvent(() => ask(typed));
  useEffect(() => {
    const timer = setTimeout(() => askLater(), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    // Of itself a browser clears the field at Escape, and stays in it.
    event.preventDefault();
    const text = event.key === "Enter" ? typed : "";
    setTyped(text);
    ask(text);
    onLeave();
  };

  return <SearchField ref={ref} label={t("inbox.search")} value={typed} onValue={setTyped} onKeyDown={press} aria-keyshortcuts="/" maxLength={MOST_SEARCHED} autoComplete="off" spellCheck={false} className="flex-1 basis-60 sm:max-w-80" />;
}
