const paths = {
  bell: "M8 2a4 4 0 0 0-4 4c0 3-1 4.2-1.6 4.8-.3.3-.1.9.4.9h10.4c.5 0 .7-.6.4-.9C13 10.2 12 9 12 6a4 4 0 0 0-4-4ZM6.5 13.5a1.6 1.6 0 0 0 3 0",
  check: "m3.5 8.5 3 3 6-7",
  chevronDown: "m4 6 4 4 4-4",
  chevronLeft: "m10 4-4 4 4 4",
  close: "m4 4 8 8M12 4l-8 8",
  gear: "M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM8 1.8v1.7M8 12.5v1.7M1.8 8h1.7M12.5 8h1.7M3.6 3.6l1.2 1.2M11.2 11.2l1.2 1.2M3.6 12.4l1.2-1.2M11.2 4.8l1.2-1.2",
  inbox: "M2 9.5 3.8 3.7a1 1 0 0 1 1-.7h6.4a1 1 0 0 1 1 .7L14 9.5v3a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1v-3Zm0 0h3.5l.8 1.7h3.4l.8-1.7H14",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  plus: "M8 3v10M3 8h10",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3l3.2 3.2",
  shield: "M8 1.8 3 3.7v3.8c0 3.2 2.1 5.5 5 6.7 2.9-1.2 5-3.5 5-6.7V3.7L8 1.8Z",
  systems: "M3 2.5h10a1 1 0 0 1 1 1v2.5a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V3.5a1 1 0 0 1 1-1ZM3 9h10a1 1 0 0 1 1 1v2.5a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1ZM4.8 4.8h.01M4.8 11.3h.01",
  trash: "M2.8 4.3h10.4M6.2 4.3V2.8h3.6v1.5M4.2 4.3l.6 9.2h6.4l.6-9.2M6.7 7v4M9.3 7v4",
} as const;

export type IconName = keyof typeof paths;

/** A line drawing beside a word, or in a control that has a name of its own; never the only thing that tells something. */
export function Icon({ name, className = "size-4" }: { name: IconName; className?: string }) {
  return (
    <svg viewBox="0 0 16 16" className={`shrink-0 ${className}`} fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
