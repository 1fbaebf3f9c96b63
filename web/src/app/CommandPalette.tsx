import { useRouter } from "@tanstack/react-router";
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { useEntries, type Entry } from "@/areas/command/queries";
import { t } from "@/lib/i18n/later";
import { safeLink } from "@/lib/safe-link";
import { classes } from "@/ui/classes";
import { Dialog } from "@/ui/Dialog";
import { Icon } from "@/ui/Icon";
import { Loaded } from "@/ui/Loaded";
import { Skeleton } from "@/ui/Skeleton";

const MOST_TEXT = 200;

/** Everything that has a page and everything to be done, found by typing; the arrows choose, Enter goes there. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const found = useEntries(text.trim());
  const list = useId();
  const router = useRouter();

  const entries = found.data?.filter((entry) => targetOf(entry) !== undefined) ?? [];
  const at = Math.min(chosen, entries.length - 1);
  const idOf = (index: number) => `${list}-${String(index)}`;

  const go = (entry: Entry | undefined) => {
    const target = entry && targetOf(entry);
    if (target === undefined) return;
    onClose();
    router.history.push(target);
  };
  const steer = (event: KeyboardEvent) => {
    // The Enter that ends a composition is the input method's.
    if (event.nativeEvent.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && entries.length > 0) setChosen((at + step + entries.length) % entries.length);
    else if (event.key === "Enter") go(entries[at]);
    else return;
    event.preventDefault();
  };

  return (
    <Dialog label={t("palette.title")} onClose={onClose} className="mx-auto mt-[12vh] mb-auto w-[calc(100vw-2rem)] max-w-[36rem] rounded-xl">
      <div className="relative border-b border-line">
        <Icon name="search" className="pointer-events-none absolute top-4 left-4 size-4 text-muted" />
        <input
          role="combobox"
          aria-label={t("palette.find")}
          aria-expanded={entries.length > 0}
          aria-controls={list}
          aria-activedescendant={at >= 0 ? idOf(at) : undefined}
          aria-autocomplete="list"
          placeholder={t("palette.find")}
          maxLength={MOST_TEXT}
          autoComplete="off"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setChosen(0);
          }}
          onKeyDown={steer}
          className="h-12 w-full rounded-t-xl bg-raised pr-4 pl-11 text-base placeholder:text-muted"
        />
      </div>
      <div className="max-h-[min(26rem,55vh)] overflow-y-auto">
        <Loaded
          query={found}
          loading={<Skeleton rows={3} className="h-12" />}
          isEmpty={() => entries.length === 0}
          empty={() => <p className="px-5 py-8 text-center text-muted">{t("palette.none")}</p>}
        >
          {() => (
            <div role="listbox" id={list} aria-label={t("palette.found")} className="p-2">
              {entries.map((entry, index) => (
                <Option key={entry.id} id={idOf(index)} entry={entry} chosen={index === at} onChoose={() => go(entry)} onPoint={() => setChosen(index)} />
              ))}
            </div>
          )}
        </Loaded>
      </div>
      <p role="status" className="sr-only">
        {found.data !== undefined && entries.length === 0 && t("palette.none")}
      </p>
    </Dialog>
  );
}

/** The page of an entry, as a path of this site. */
function targetOf({ route }: Entry): string | undefined {
  const url = route === undefined ? undefined : safeLink(route);
  return url?.origin === window.location.origin ? url.pathname + url.search + url.hash : undefined;
}

interface OptionProps {
  id: string;
  entry: Entry;
  chosen: boolean;
  onChoose: () => void;
  onPoint: () => void;
}

function Option({ id, entry: { title, subtitle, category }, chosen, onChoose, onPoint }: OptionProps) {
  const option = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (chosen) option.current?.scrollIntoView?.({ block: "nearest" });
  }, [chosen]);
  return (
    // The input has the focus all the while, and the keys with it.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      ref={option}
      role="option"
      id={id}
      tabIndex={-1}
      aria-selected={chosen}
      onClick={onChoose}
      onPointerMove={onPoint}
      className={classes("flex cursor-pointer items-baseline justify-between gap-3 rounded-lg px-3 py-2", chosen && "bg-accent-soft")}
    >
      <span className="min-w-0 truncate">
        <span className="font-medium">{title}</span>
        {subtitle !== undefined && subtitle !== "" && <span className="ml-2 text-sm text-muted">{subtitle}</span>}
      </span>
      <span className="shrink-0 text-sm text-muted">{category}</span>
    </div>
  );
}
