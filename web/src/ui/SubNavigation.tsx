import { Link, type LinkProps } from "@tanstack/react-router";

export interface SubPage {
  to: NonNullable<LinkProps["to"]>;
  text: string;
}

/** The parts of one section of the app. One whose address begins another's is marked on its own page only. */
export function SubNavigation({ label, pages }: { label: string; pages: readonly SubPage[] }) {
  return (
    <nav aria-label={label} className="mb-6 border-b border-line">
      <ul className="-mb-px flex flex-wrap gap-x-1">
        {pages.map(({ to, text }) => (
          <li key={to}>
            <Link
              to={to}
              activeOptions={{ exact: pages.some((other) => other.to.startsWith(`${to}/`)), includeSearch: false }}
              className="flex min-h-10 items-center rounded-t-lg border-b-2 border-transparent px-3 font-medium text-muted hover:text-text aria-[current=page]:border-accent-text aria-[current=page]:text-accent-text"
            >
              {text}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
