import { readFileSync } from "node:fs";

/** The steps of a scenario, in their order: `{name, request, response, match?}`. */
export function stepsOf(scenario) {
  const file = new URL(`../recordings/${scenario}.jsonl`, import.meta.url);
  return readFileSync(file, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

const INSTANT = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
const SYMBOL = /\$\{([^}]+)\}/;
const quoted = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/**
 * What a recording leaves open. `${ts}` is any instant, `${text}` any text, `${num}` any number, `${any}` anything; every other `${name}` is
 * known before (run, base, adminId) or is what it was when it was first met.
 */
export class Symbols {
  #known;

  constructor(known) {
    this.#known = new Map(Object.entries(known));
  }

  copy() {
    return new Symbols(Object.fromEntries(this.#known));
  }

  /** Takes over what `other` has learnt. */
  learn(other) {
    for (const [name, value] of other.#known) this.#known.set(name, value);
  }

  /** A value with its known symbols replaced. */
  fill(value) {
    if (typeof value === "string") return value.replaceAll(new RegExp(SYMBOL, "g"), (all, name) => this.#known.get(name) ?? all);
    if (Array.isArray(value)) return value.map((each) => this.fill(each));
    if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, each]) => [this.fill(name), this.fill(each)]));
    return value;
  }

  /** Whether `text` is what `pattern` says; learns the symbols met for the first time. */
  fits(pattern, text) {
    const fresh = [];
    const source = pattern
      .split(/(\$\{[^}]+\})/)
      .map((part) => {
        const name = SYMBOL.exec(part)?.[1];
        if (name === undefined) return quoted(part);
        if (name === "ts") return INSTANT;
        if (name === "text" || name === "any") return String.raw`[\s\S]*`;
        if (this.#known.has(name)) return quoted(this.#known.get(name));
        if (fresh.includes(name)) return `\\${fresh.indexOf(name) + 1}`;
        fresh.push(name);
        return "([A-Za-z0-9._~%+/=-]+?)";
      })
      .join("");
    const found = new RegExp(`^${source}$`).exec(text);
    if (found === null) return false;
    fresh.forEach((name, i) => this.#known.set(name, found[i + 1]));
    return true;
  }
}
