// Plays the stories of tests/e2e against a built program:
//   node run.mjs --program build/release/watchbell [--keep FOLDER] [--screenshot FILE] [PART OF A TEST'S NAME...]
// --keep: where a failed test leaves its pictures and the server's log; --screenshot: where the README's picture goes.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { resolve } from "node:path";

// The system's Node may be too old for the browser's driver; the pinned one is not.
const DRIVER_NEEDS_NODE = 20;
if (Number(process.versions.node.split(".")[0]) < DRIVER_NEEDS_NODE) {
  const pinned = fileURLToPath(new URL("node_modules/.bin/node", import.meta.url));
  const { status } = spawnSync(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  process.exit(status ?? 1);
}

const { options, run } = await import("./lib/runner.mjs");
const { closeBrowser } = await import("./lib/browser.mjs");
const chosen = options(process.argv.slice(2), ["program", "keep", "screenshot"]);
if (chosen.program === undefined) throw new Error("--program PATH is missing");
for (const path of ["program", "keep", "screenshot"]) if (chosen[path] !== undefined) chosen[path] = resolve(chosen[path]);

for (const part of ["story", "restart", "pages", "inbox", "times", "ways", "people", "push"]) await import(`./${part}.mjs`);
if (chosen.screenshot !== undefined) await import("./picture.mjs");
const code = await run(chosen);
await closeBrowser();
process.exit(code);
