/** Markdown without its marks, on one line: for places too small for form. */
export function plainText(markdown: string): string {
  return markdown
    .replace(/\[([^\]\n]+)\]\(\S+?\)/g, "$1")
    .replace(/^\s*(?:[-*]|#{1,6}|>) /gm, "")
    .replace(/(\*\*|\*|`)([^*`\n]+)\1/g, "$2")
    .replace(/\s+/g, " ")
    .trim();
}
