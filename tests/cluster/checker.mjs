// Whether what clients saw can be. A function of a history alone.
//
// A history is a list of operations on registers. Each register has one writer, who writes version 1, 2, 3 ... one after the other; before the first it holds
// its version 0. Moments are of the clients' one clock.
//   {register, process, kind: "write", version, value, began, ended, outcome: "ok" | "failed" | "unknown"}
//   {register, process, kind: "read", value, began, ended}     what the register held, as its reader was told
//   {register, process, kind: "read", not, began, ended}       ... or what it does not hold: a key that is refused is not the present one
// A write that failed did not happen. One whose outcome is unknown (its process was killed) may or may not have happened, until a later one returned.
//
// The law: a read that began after a write returned does not give a value older than that write; and none gives what nobody has begun to write.

/** Two values are the same when they are written the same. */
const written = (value) => JSON.stringify(value);

/**
 * @param {{registers: Record<string, unknown>, operations: object[]}} history  registers: their values at version 0
 * @returns {object[]} what is wrong: {kind: "stale" | "from nowhere", register, read, newest, seen, ageMs}
 *   newest: the last write that had returned before the read began; seen: the write that the value is of, if any; ageMs: how long before the read began
 *   a newer write had returned
 */
export function check({ registers, operations }) {
  const violations = [];
  for (const [register, own] of grouped(operations)) {
    if (!(register in registers)) throw new Error(`nobody said what ${register} holds at first`);
    const first = { register, kind: "write", version: 0, value: registers[register], began: -Infinity, ended: -Infinity, outcome: "ok" };
    const writes = [first, ...own.filter(({ kind }) => kind === "write").sort((a, b) => a.version - b.version)];
    judgeWriter(writes);
    const places = new Map(writes.map((write, place) => [write, place]));
    const returned = writes.filter(({ outcome }) => outcome === "ok"); // one after the other: by version is by time
    for (const read of own) {
      if (read.kind !== "read") continue;
      const newest = returned[lastBefore(returned, read.began)];
      const said = written("not" in read ? read.not : read.value);
      const fits = ({ value, outcome }) => outcome !== "failed" && (written(value) === said) !== ("not" in read);
      let possible = false;
      for (let i = places.get(newest); i < writes.length && writes[i].began < read.ended && !possible; i++) possible = fits(writes[i]);
      if (possible) continue;
      const seen = writes.filter((write) => write.version < newest.version && fits(write)).at(-1);
      const overwritten = seen === undefined ? undefined : returned.find(({ version }) => version > seen.version);
      const kind = seen === undefined ? "from nowhere" : "stale";
      violations.push({ kind, register, read, newest, seen, ageMs: overwritten === undefined ? undefined : read.began - overwritten.ended });
    }
  }
  return violations.sort((a, b) => a.read.began - b.read.began);
}

/** For people. */
export function described({ kind, register, read, newest, seen, ageMs }) {
  const told = "not" in read ? `not ${written(read.not)}` : written(read.value);
  const at = (ms) => (Number.isFinite(ms) ? (ms / 1000).toFixed(4) : "ever");
  const of = ({ version, value, began, ended, process }) => `version ${version} ${written(value)} (${at(began)} to ${at(ended)} s by ${process ?? "nobody"})`;
  const why = kind === "stale" ? `which is of ${of(seen)}, over for ${ageMs.toFixed(1)} ms` : "which nobody had begun to write, or did not write at all";
  const how = read.how === undefined ? "" : ` (${read.how})`;
  return `${kind}: ${register} read by ${read.process} from ${at(read.began)} to ${at(read.ended)} s${how} said ${told}, ${why}; written before was ${of(newest)}`;
}

function grouped(operations) {
  const groups = new Map();
  for (const operation of operations) {
    const group = groups.get(operation.register);
    if (group === undefined) groups.set(operation.register, [operation]);
    else group.push(operation);
  }
  return groups;
}

/** What the law needs of a writer: else it would say nothing. */
function judgeWriter(writes) {
  for (const [i, write] of writes.entries()) {
    if (i === 0) continue;
    const before = writes[i - 1];
    if (write.version <= before.version) throw new Error(`${write.register}: version ${write.version} is written twice`);
    const free = before.outcome === "ok" ? before.ended : before.began;
    if (write.began <= free) throw new Error(`${write.register}: version ${write.version} began before the one before it was over`);
  }
}

/** The index of the last write that had returned before a moment; the first one always had. */
function lastBefore(returned, moment) {
  let low = 0;
  let high = returned.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (returned[middle].ended < moment) low = middle;
    else high = middle - 1;
  }
  return low;
}
