// Tests of the built program over real sockets:
//   node run.mjs --program build/release/watchbell [--echo build/release/tests/integration/rpc_echo_server] [--keep FOLDER] [PART OF A TEST'S NAME...]
// Without --echo the tests of the wire against the echo server are left out.
import { resolve } from "node:path";
import { options, run } from "../e2e/lib/runner.mjs";

const chosen = options(process.argv.slice(2), ["program", "echo", "keep"]);
if (chosen.program === undefined) throw new Error("--program PATH is missing");
for (const path of ["program", "echo", "keep"]) if (chosen[path] !== undefined) chosen[path] = resolve(chosen[path]);

if (chosen.echo !== undefined) await import("./orpc/client.mjs");
for (const part of ["bad_input", "start", "commands", "backup", "config_check", "notify", "metrics", "principals", "rest", "webhooks", "webpush", "oauth", "mail", "pages", "invalid_inputs", "limits", "hostile_clients", "postgresql", "several", "chaos"])
  await import(`./${part}.mjs`);
process.exit(await run(chosen));
