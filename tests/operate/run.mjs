// Tests of what operators are handed beside the program:
//   npm ci
//   node run.mjs --program build/release/watchbell --nginx /usr/sbin/nginx [--keep FOLDER] [PART OF A TEST'S NAME...]
import { resolve } from "node:path";
import { options, run } from "../e2e/lib/runner.mjs";

const chosen = options(process.argv.slice(2), ["program", "nginx", "keep"]);
for (const path of ["program", "nginx"]) if (chosen[path] === undefined) throw new Error(`--${path} PATH is missing`);
for (const path of ["program", "nginx", "keep"]) if (chosen[path] !== undefined) chosen[path] = resolve(chosen[path]);

for (const part of ["metrics", "nginx", "containers", "docs"]) await import(`./${part}.mjs`);
process.exit(await run(chosen));
