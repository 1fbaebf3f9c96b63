/** The address of a link that came from outside, or undefined when it is none or would run something (javascript:, data:). */
export function safeLink(target: string): URL | undefined {
  if (!URL.canParse(target, window.location.origin)) return undefined;
  const url = new URL(target, window.location.origin);
  return url.protocol === "http:" || url.protocol === "https:" ? url : undefined;
}
