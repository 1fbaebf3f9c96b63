/** So many calls wait for their answers at a time. (Browsers bound how many may outlive their page.) */
export const AT_ONCE = 10;

/** Makes one call for each, a few at a time; all that are left at once as soon as there is no time (`hurry`). What became of each, in order. */
export async function inChunks<T>(all: readonly T[], hurry: AbortSignal, call: (one: T) => Promise<unknown>): Promise<PromiseSettledResult<unknown>[]> {
  const hurried = new Promise<void>((resolve) => hurry.addEventListener("abort", () => resolve()));
  const calls: Promise<unknown>[] = [];
  while (calls.length < all.length) {
    const chunk = all.slice(calls.length, hurry.aborted ? undefined : calls.length + AT_ONCE).map(call);
    calls.push(...chunk);
    await Promise.race([Promise.allSettled(chunk), hurried]);
  }
  return Promise.allSettled(calls);
}
