// Chance that comes again from the same seed, and the one clock of a run.

/** A generator of numbers in [0, 1): the same from the same parts (FNV-1a into mulberry32). Each worker has one of its own, whatever the others do. */
export function drawing(...parts) {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(parts.join("/"))) state = Math.imul(state ^ byte, 0x01000193) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const between = (draw, least, most) => least + draw() * (most - least);
export const pick = (draw, list) => list[Math.floor(draw() * list.length)];
export function shuffled(draw, list) {
  const all = [...list];
  for (let i = all.length - 1; i > 0; i--) {
    const other = Math.floor(draw() * (i + 1));
    [all[i], all[other]] = [all[other], all[i]];
  }
  return all;
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let last = 0;
/** Milliseconds since this program began; no two moments are the same, and what is done later has the later one. */
export function now() {
  last = Math.max(performance.now(), last + 1e-6);
  return last;
}
