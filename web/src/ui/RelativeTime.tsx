import { useState } from "react";
import { exactTime, relativeTime } from "@/lib/format";
import { useNow } from "@/lib/use-now";

interface RelativeTimeProps {
  at: Date;
  /** How the instant is told; how long ago unless said otherwise. */
  say?: (at: Date, now: Date) => string;
  /** False inside a link, which has the focus itself. */
  focusable?: boolean;
}

/** An instant as seen from now, with the exact instant on hover and focus. */
export function RelativeTime({ at, say = relativeTime, focusable = true }: RelativeTimeProps) {
  const now = useNow();
  const [opens, setOpens] = useState<"left" | "right">("right");
  const aim = ({ currentTarget }: { currentTarget: Element }) => setOpens(currentTarget.getBoundingClientRect().left < window.innerWidth / 2 ? "right" : "left");
  return (
    // It only looks where there is room; nothing happens that a keyboard could not do.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <time
      dateTime={at.toISOString()}
      data-exact={exactTime(at)}
      data-opens={opens}
      onPointerEnter={aim}
      onFocus={aim}
      // The exact instant must be within reach of the keyboard too.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={focusable ? 0 : undefined}
      className="rounded whitespace-nowrap"
    >
      {say(at, now)}
    </time>
  );
}
