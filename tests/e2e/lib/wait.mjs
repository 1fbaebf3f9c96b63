/** How long a condition may take to come true unless a test says otherwise, in milliseconds. Generous: a busy machine must not fail a test. */
const WITHIN_MS = 20_000;
const EVERY_MS = 20;

const turn = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Waits until `probe` answers something truthy and gives that back. A probe that throws counts as "not yet".
 * @param {string} what  completes "waited in vain for ..."
 */
export async function until(what, probe, within = WITHIN_MS) {
  const deadline = performance.now() + within;
  let last;
  for (;;) {
    try {
      last = undefined;
      const value = await probe();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`, last === undefined ? {} : { cause: last });
    await turn(EVERY_MS);
  }
}

/** The outcome of `promise`, or an error once `within` milliseconds are over. */
export async function inTime(what, promise, within = WITHIN_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), within);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
