/** Inputs that a JSON Schema of the contract takes, and such that break it in one place. */

const EXAMPLES = { uuid: "00000000-0000-4000-8000-000000000000", email: "ada@example.com", uri: "https://a.example/", "date-time": "2026-01-02T03:04:05.678Z" };
/** Lists longer than this are not made. */
const MANY = 5000;

const isNullable = (schema) => schema.anyOf?.some(({ type }) => type === "null") ?? false;
const branchesOf = (schema) => schema.anyOf?.filter(({ type }) => type !== "null");
const isFree = (schema) => schema["x-any"] === true || (schema.type === "object" && schema.properties === undefined && Object.keys(schema.additionalProperties ?? {}).length === 0);
const isDigits = (schema) => schema.pattern === "^-?[0-9]+$";

/** A value that the schema takes, with every member and one element of each list. */
export function example(schema) {
  const branches = branchesOf(schema);
  if (branches !== undefined) return example(branches[0]);
  if (schema.enum !== undefined) return schema.enum[0];
  switch (schema.type) {
    case "string":
      if (isDigits(schema)) return "5";
      return EXAMPLES[schema.format] ?? "x".repeat(Math.max(1, schema.minLength ?? 0)).slice(0, schema.maxLength);
    case "boolean":
      return true;
    case "integer":
    case "number":
      return Math.min(Math.max(0, schema.minimum ?? 0), schema.maximum ?? 0);
    case "array":
      if (schema.items?.prefixItems !== undefined) return [schema.items.prefixItems.map(example)];
      return Array.from({ length: Math.max(schema.minItems ?? 0, Math.min(1, schema.maxItems ?? 1)) }, () => example(schema.items));
    case "object":
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, each]) => [name, example(each)]));
    default:
      return {};
  }
}

/** The meta entries that a value of the schema has on the RPC wire; what is not of its type gets none. */
export function metaOf(schema, value, path = []) {
  const branches = branchesOf(schema);
  if (branches !== undefined) return metaOf(branchFor(branches, value), value, path);
  if (typeof value === "string") return schema.format === "date-time" ? [[1, ...path]] : isDigits(schema) ? [[0, ...path]] : [];
  if (Array.isArray(value) && schema.type === "array") {
    const pair = schema.items.prefixItems;
    const inner = value.flatMap((each, i) => (pair === undefined ? metaOf(schema.items, each, [...path, i]) : Array.isArray(each) ? each.flatMap((part, j) => metaOf(pair[j] ?? {}, part, [...path, i, j])) : []));
    return [...inner, ...(pair !== undefined ? [[7, ...path]] : schema.uniqueItems ? [[6, ...path]] : [])];
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, each]) => metaOf(schema.properties?.[name] ?? {}, each, [...path, name]));
}

function branchFor(branches, value) {
  const tagged = branches.find(({ properties }) => Object.entries(properties ?? {}).some(([name, { enum: values }]) => values?.length === 1 && value?.[name] === values[0]));
  return tagged ?? branches.find(({ type }) => (type === "object") === (typeof value === "object")) ?? branches[0];
}

/** What breaks a schema: `{what, value, at, meta?}`, `at` the path of the issue below the broken value, `meta` entries of its own. `undefined` is a member left out. */
function* breaks(schema) {
  const wrong = (values) => values.map((value) => ({ what: `wrong type ${JSON.stringify(value)}`, value, at: [] }));
  const branches = branchesOf(schema);
  if (branches !== undefined) {
    const nullable = isNullable(schema);
    if (branches.length === 1) {
      for (const each of breaks(branches[0])) if (!nullable || each.value !== null) yield each;
      return;
    }
    const tag = tagOf(branches);
    if (tag !== undefined) yield { what: "no such branch", value: { ...example(branches[0]), [tag]: "no such branch" }, at: [tag] };
    yield* wrong(nullable ? [5, true] : [5, true, null]);
    for (const [i, branch] of branches.entries()) {
      if (branch.type !== "object") continue;
      for (const each of breaks(branch)) if (each.value !== null && typeof each.value === "object" && !Array.isArray(each.value) && !(tag !== undefined && each.at[0] === tag)) yield { ...each, what: `branch ${i}: ${each.what}` };
    }
    return;
  }
  if (schema["x-any"] === true) return;
  if (schema.enum !== undefined) {
    yield* wrong([5, null, [], {}]);
    yield { what: "not among the values", value: `${schema.enum[0]} `, at: [] };
    return;
  }
  switch (schema.type) {
    case "string":
      yield* wrong([5, true, null, [], {}]);
      if (isDigits(schema)) return;
      if (schema.format !== undefined) yield { what: `no ${schema.format}`, value: "no such thing", at: [], meta: schema.format === "date-time" ? [[1]] : undefined };
      if (schema.format !== undefined) return;
      if (schema.minLength > 0) yield { what: "too short", value: "x".repeat(schema.minLength - 1), at: [] };
      if (schema.maxLength !== undefined) yield { what: "too long", value: "x".repeat(schema.maxLength + 1), at: [] };
      yield { what: "holds U+0000", value: "a\0".padEnd(schema.minLength ?? 0, "x"), at: [] };
      return;
    case "boolean":
      yield* wrong(["true", 1, null, [], {}]);
      return;
    case "integer":
    case "number":
      yield* wrong(["5", true, null, [], {}]);
      if (schema.type === "integer") yield { what: "a fraction", value: Math.floor(example(schema)) + 0.5, at: [] };
      if (schema.minimum !== undefined) yield { what: "too small", value: schema.minimum - 1, at: [] };
      if (schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER) yield { what: "too big", value: schema.maximum + 1, at: [] };
      yield { what: "not a number", value: null, at: [], meta: [[2]] };
      return;
    case "array": {
      yield* wrong(["x", 5, null, {}]);
      if (schema.items.prefixItems !== undefined) return;
      const one = example(schema.items);
      if (schema.minItems > 0) yield { what: "too few", value: Array(schema.minItems - 1).fill(one), at: [] };
      if (schema.maxItems < MANY) yield { what: "too many", value: Array(schema.maxItems + 1).fill(one), at: [] };
      const length = Math.max(1, schema.minItems ?? 0);
      for (const each of breaks(schema.items)) {
        if (each.value === undefined || (each.meta ?? []).length > 0) continue;
        const last = length - 1;
        yield { what: `element: ${each.what}`, value: [...Array(last).fill(one), each.value], at: [last, ...each.at] };
      }
      return;
    }
    case "object": {
      yield* wrong(["x", 5, null, []]);
      yield { what: "a set", value: [], at: [], meta: [[6]] };
      if (isFree(schema)) {
        yield { what: "a big integer inside", value: { n: "5" }, at: [], meta: [[0, "n"]] };
        return;
      }
      const whole = example(schema);
      for (const name of schema.required ?? []) {
        const { [name]: _, ...rest } = whole;
        yield { what: `without ${name}`, value: rest, at: [name] };
      }
      for (const [name, member] of Object.entries(schema.properties ?? {})) {
        for (const each of breaks(member)) yield { what: `${name}: ${each.what}`, value: { ...whole, [name]: each.value }, at: [name, ...each.at], meta: each.meta?.map(([code, ...path]) => [code, name, ...path]) };
      }
      return;
    }
  }
}

const tagOf = (branches) => Object.keys(branches[0].properties ?? {}).find((name) => branches.every(({ properties }) => properties?.[name]?.enum?.length === 1));

/** All cases of an input: `{what, value, at, meta}`, the meta whole. */
export function* invalidInputs(schema) {
  for (const { what, value, at, meta = [] } of breaks(schema)) {
    const broken = new Set(meta.map(([, ...path]) => JSON.stringify(path)));
    const own = metaOf(schema, value).filter(([, ...path]) => !broken.has(JSON.stringify(path)));
    yield { what, value, at, meta: [...own, ...meta], plain: meta.length === 0 };
  }
}
