import type { ReactNode } from "react";
import { safeLink } from "@/lib/safe-link";

/**
 * The one place where text from outside is shown with form: paragraphs, lists, emphasis, code and links, made as elements and never
 * as HTML, so that nothing in the text can become markup or script. What it does not know stays text.
 */
export function Markdown({ text }: { text: string }) {
  const blocks = text.replace(/\r\n?/g, "\n").split(/\n{2,}/).filter((block) => block.trim() !== "");
  return (
    <div className="flex flex-col gap-2">
      {blocks.map((block, at) => (
        <Block key={at} text={block} />
      ))}
    </div>
  );
}

function Block({ text }: { text: string }) {
  const lines = text.split("\n");
  if (lines.every((line) => /^\s*[-*] /.test(line))) {
    return (
      <ul className="list-disc pl-5">
        {lines.map((line, at) => (
          <li key={at}>{inline(line.replace(/^\s*[-*] /, ""))}</li>
        ))}
      </ul>
    );
  }
  return <p className="whitespace-pre-line">{inline(lines.map((line) => line.replace(/^\s*(#{1,6}|>) /, "")).join("\n"))}</p>;
}

const parts = /(`[^`\n]+`)|\*\*([^*\n]+)\*\*|\*([^*\n]+)\*|\[([^\]\n]+)\]\((\S+?)\)/g;

function inline(text: string): ReactNode[] {
  const nodes: ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(parts)) {
    const [whole, code, strong, emphasis, label, target] = match;
    nodes.push(text.slice(end, match.index));
    end = match.index + whole.length;
    const key = match.index;
    if (code !== undefined) {
      nodes.push(
        <code key={key} className="rounded bg-hover px-1 font-mono text-sm">
          {code.slice(1, -1)}
        </code>,
      );
    } else if (strong !== undefined) nodes.push(<strong key={key}>{strong}</strong>);
    else if (emphasis !== undefined) nodes.push(<em key={key}>{emphasis}</em>);
    else if (label !== undefined && target !== undefined) nodes.push(safeLink(target) ? <OutsideLink key={key} href={target} text={label} /> : whole);
  }
  nodes.push(text.slice(end));
  return nodes;
}

function OutsideLink({ href, text }: { href: string; text: string }) {
  return (
    <a href={href} rel="noreferrer noopener" className="text-accent-text underline underline-offset-2">
      {text}
    </a>
  );
}
