// A PostgreSQL for the tests of one run, started by the first that asks, and databases in it.
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Postgres } from "../../../tools/cluster/postgres.mjs";

let server;
let databases = 0;

/** The one server. It ends with this process. */
export async function postgres() {
  if (server !== undefined) return server;
  const folder = mkdtempSync(join(tmpdir(), "watchbell-postgres-"));
  chmodSync(folder, 0o755); // whoever the server runs as has to come by
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  server = new Postgres({ folder: join(folder, "server"), log: join(folder, "log") });
  await server.up();
  return server;
}

/** A database of its own: its name, and what a program that uses it is started with. `collate`: the order of its texts. */
export async function freshDatabase({ collate = "C" } = {}) {
  const at = await postgres();
  const name = `watchbell_${++databases}`;
  at.ask(`create database ${name} encoding 'UTF8' lc_collate '${collate}' lc_ctype 'C' template template0`, "postgres");
  return { name, server: at, env: { WATCHBELL_DATABASE_URL: `postgresql://watchbell@/${name}?host=${at.folder}`, WATCHBELL_MASTER_KEY: randomBytes(32).toString("hex") } };
}
