import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { inTime } from "./wait.mjs";

const TEST_DEADLINE_MS = 120_000;
const tests = [];

/**
 * Declares a test. The body gets a context: `keep(name)` answers a path for what a failure leaves behind (or nothing when nothing is
 * kept), `after(f)` runs f when the test is over, in reverse order, `onFailure(f)` runs f first when it failed, and `options` are those
 * of the command line. Tests run one after the other, in the order they were declared.
 */
export function test(name, body) {
  tests.push({ name, body });
}

/** `--program PATH --keep FOLDER NAME...`: the flags by name, and under `only` what stands alone: parts of names of the tests to run. */
export function options(argv, known) {
  const found = { only: [] };
  for (let i = 0; i < argv.length; ++i) {
    const name = argv[i].startsWith("--") ? argv[i].slice(2) : undefined;
    if (name === undefined) found.only.push(argv[i]);
    else if (known.includes(name) && i + 1 < argv.length) found[name] = argv[++i];
    else throw new Error(`unknown or incomplete option ${argv[i]}; there are ${known.map((each) => `--${each}`).join(" ")}`);
  }
  return found;
}

/** Runs what was declared, prints a line a test and `N passed, M failed` at the end, and answers the exit code. */
export async function run(options) {
  let passed = 0;
  let failed = 0;
  const chosen = tests.filter(({ name }) => options.only.length === 0 || options.only.some((part) => name.includes(part)));
  for (const { name, body } of chosen) {
    const began = performance.now();
    const endings = [];
    const autopsies = [];
    const context = {
      options,
      after: (ending) => endings.push(ending),
      onFailure: (autopsy) => autopsies.push(autopsy),
      keep: (file) => {
        if (options.keep === undefined) return undefined;
        mkdirSync(options.keep, { recursive: true });
        return join(options.keep, `${name}-${file}`);
      },
    };
    const problems = [];
    try {
      await inTime("the end of the test", body(context), TEST_DEADLINE_MS);
    } catch (error) {
      problems.push(error);
    }
    if (problems.length > 0) for (const autopsy of autopsies) await inTime("what a failure leaves", autopsy()).catch((error) => problems.push(error));
    for (const ending of endings.reverse()) {
      try {
        await inTime("the clearing up", ending());
      } catch (error) {
        problems.push(error);
      }
    }
    const took = `${Math.round(performance.now() - began)} ms`;
    if (problems.length === 0) {
      ++passed;
      console.log(`ok      ${name} (${took})`);
    } else {
      ++failed;
      console.log(`FAILED  ${name} (${took})`);
      for (const problem of problems) console.log(described(problem));
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

function described(problem) {
  const lines = [];
  for (let each = problem; each !== undefined && each !== null; each = each.cause) {
    lines.push(each instanceof Error ? (each.stack ?? each.message) : String(each));
  }
  return lines.join("\ncaused by: ").replace(/^/gm, "        ");
}
