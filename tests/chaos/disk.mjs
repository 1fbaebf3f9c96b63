// A small disk of a run's own, which can be filled and freed: a tmpfs in a mount namespace that a process keeps open, so that it outlives the server.
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../e2e/lib/wait.mjs";

export class Disk {
  constructor(megabytes) {
    this.megabytes = megabytes;
    this.folder = mkdtempSync(join(tmpdir(), "watchbell-chaos-"));
    this.place = join(this.folder, "disk");
    mkdirSync(this.place);
  }

  async up() {
    const root = process.getuid() === 0;
    const keep = 'mount -t tmpfs -o size="$1"m tmpfs "$0" && echo mounted && exec sleep 86400';
    this.holder = spawn("unshare", [...(root ? [] : ["--user", "--map-root-user"]), "--mount", "sh", "-c", keep, this.place, String(this.megabytes)], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    let problems = "";
    this.holder.stdout.on("data", (text) => (said += text));
    this.holder.stderr.on("data", (text) => (problems += text));
    const ended = new Promise((resolve) => this.holder.on("exit", resolve));
    let over = false;
    this.ended = ended.then(() => (over = true));
    await until("the small disk", () => over || said.includes("mounted"));
    if (over) throw new Error(`no disk of its own can be mounted: ${problems}`);
    this.enter = ["nsenter", ...(root ? [] : ["--user", "--preserve-credentials"]), "--mount", "--target", String(this.holder.pid), "--"];
    return this;
  }

  async down() {
    this.holder?.kill("SIGKILL");
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Takes all the space that is left. */
  fill() {
    this.#ballast ??= openSync(`/proc/${this.holder.pid}/root${this.place}/ballast`, "w", 0o600);
    for (let block = 65536; block >= 1; ) {
      try {
        if (writeSync(this.#ballast, Buffer.alloc(block)) < block) throw Object.assign(new Error("short"), { code: "ENOSPC" });
      } catch (error) {
        if (error.code !== "ENOSPC") throw error;
        block = Math.floor(block / 16);
      }
    }
  }

  free() {
    closeSync(this.#ballast);
    this.#ballast = undefined;
    rmSync(`/proc/${this.holder.pid}/root${this.place}/ballast`);
  }

  /** The rows of a query over the database as it lies there, which is not touched; columns are parted by "|". */
  query(sql) {
    const copy = join(this.folder, "copy.db");
    const script = 'rm -f "$2" "$2"-wal "$2"-shm; cp "$1" "$2"; [ ! -e "$1"-wal ] || cp "$1"-wal "$2"-wal; sqlite3 "$2" "$3"';
    const [file, ...args] = this.enter;
    const text = execFileSync(file, [...args, "sh", "-c", script, "query", join(this.place, "data", "watchbell.db"), copy, sql], { maxBuffer: 2 ** 28 }).toString();
    return text.split("\n").filter(Boolean);
  }

  #ballast;
}
