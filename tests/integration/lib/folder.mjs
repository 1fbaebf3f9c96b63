import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Everything below a folder: name -> kind, mode, size and hash. The shared-memory file of SQLite and an empty write-ahead log
 * hold nothing and are left out.
 */
export function listing(folder) {
  const found = {};
  const walk = (path, name) => {
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined) return;
    if (name.endsWith("-shm") || (name.endsWith("-wal") && status.size === 0)) return;
    const mode = (status.mode & 0o7777).toString(8);
    if (status.isDirectory()) {
      found[name] = `folder ${mode}`;
      for (const child of readdirSync(path)) walk(join(path, child), `${name}/${child}`);
    } else if (status.isFile()) {
      found[name] = `file ${mode} ${status.size} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
    } else {
      found[name] = `other ${mode}`;
    }
  };
  walk(folder, ".");
  return found;
}
