/**
 * A JSON value as a tree of `{type, value}`: `type` is the code that the envelope's meta gives the node, so that a value moves together with its type
 * when lists are compared in any order. Without meta every type is undefined.
 */
export function typed(value, meta = []) {
  const codes = new Map(meta.map(([code, ...path]) => [JSON.stringify(path), code]));
  const grow = (each, path) => {
    const type = codes.get(JSON.stringify(path));
    if (Array.isArray(each)) return { type, value: each.map((item, i) => grow(item, [...path, i])) };
    if (each !== null && typeof each === "object") return { type, value: Object.fromEntries(Object.entries(each).map(([name, item]) => [name, grow(item, [...path, name])])) };
    return { type, value: each };
  };
  return grow(value, []);
}

const shown = (node) => JSON.stringify(plain(node))?.slice(0, 160) ?? "nothing";

function plain(node) {
  if (node === undefined) return undefined;
  if (Array.isArray(node.value)) return node.value.map(plain);
  if (node.value !== null && typeof node.value === "object") return Object.fromEntries(Object.entries(node.value).map(([name, each]) => [name, plain(each)]));
  return node.value;
}

/**
 * What is wrong with `got`, as lines; none when it is what was recorded.
 * @param {{symbols: Symbols, lists?: Record<string, "set" | "subset">, more?: boolean}} how  lists: which lists come in any order, the latter among other
 *   items; more: members that were not recorded are fine
 */
export function differences(recorded, got, how, path = "json") {
  const { symbols, lists = {}, more = false } = how;
  const want = recorded.value;
  if (want === "${any}") return [];
  if (got === undefined) return [`${path}: missing`];
  if (recorded.type !== got.type) return [`${path}: type ${got.type}, recorded ${recorded.type}`];
  if (typeof want === "string") {
    const fits = want === "${num}" ? typeof got.value === "number" : typeof got.value === "string" && symbols.fits(want, got.value);
    return fits ? [] : [`${path}: ${shown(got)}, recorded ${JSON.stringify(symbols.fill(want))}`];
  }
  if (want === null || typeof want !== "object") return want === got.value ? [] : [`${path}: ${shown(got)}, recorded ${JSON.stringify(want)}`];
  if (got.value === null || typeof got.value !== "object" || Array.isArray(want) !== Array.isArray(got.value)) return [`${path}: ${shown(got)}, recorded ${Array.isArray(want) ? "a list" : "an object"}`];

  if (Array.isArray(want)) {
    const order = lists[path];
    if (order !== "subset" && want.length !== got.value.length) return [`${path}: ${got.value.length} items, recorded ${want.length}`];
    if (order === undefined) return want.flatMap((each, i) => differences(each, got.value[i], how, `${path}.${i}`));
    const left = [...got.value];
    return want.flatMap((each, i) => {
      for (const [at, candidate] of left.entries()) {
        const attempt = symbols.copy();
        if (differences(each, candidate, { ...how, symbols: attempt }, `${path}.${i}`).length > 0) continue;
        symbols.learn(attempt);
        left.splice(at, 1);
        return [];
      }
      return [`${path}: no item is ${shown(each)}`];
    });
  }

  const names = new Map(Object.keys(want).map((name) => [symbols.fill(name), name]));
  const found = [...names].flatMap(([name, recordedName]) => differences(want[recordedName], got.value[name], how, `${path}.${recordedName}`));
  if (!more) for (const name of Object.keys(got.value)) if (!names.has(name)) found.push(`${path}.${name}: was not recorded`);
  return found;
}
