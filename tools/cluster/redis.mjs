// A Redis of our own in a folder, which keeps nothing over a restart.
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Child } from "./child.mjs";

export class Redis {
  #child;

  constructor({ folder, log }) {
    Object.assign(this, { folder, log });
    this.path = join(folder, "socket");
  }

  async up() {
    mkdirSync(this.folder);
    await this.start();
    return this;
  }

  async start() {
    const words = ["redis-server", "--port", "0", "--unixsocket", this.path, "--dir", this.folder, "--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", ""];
    this.#child = new Child({ name: "redis-server", words, log: this.log });
    await this.#child.says(/eady to accept connections/);
  }

  async stop() {
    await this.#child?.end("SIGTERM");
    this.#child = undefined;
  }
  /** It comes back empty and as another one (`run_id`). */
  async restart() {
    await this.#child.end("SIGKILL");
    await this.start();
  }

  freeze() {
    return this.#child.freeze();
  }
  thaw() {
    return this.#child?.thaw();
  }

  async flush() {
    const answer = await this.ask("FLUSHALL");
    if (answer !== "+OK") throw new Error(`FLUSHALL: ${answer}`);
  }

  /** The first line of the answer to a command. */
  ask(...words) {
    return new Promise((resolve, reject) => {
      const socket = connect({ path: this.path });
      let said = "";
      socket.setTimeout(20_000, () => socket.destroy(new Error("redis-server does not answer")));
      socket.on("error", reject);
      socket.on("data", (bytes) => {
        said += bytes;
        if (!said.includes("\r\n")) return;
        resolve(said.split("\r\n")[0]);
        socket.destroy();
      });
      socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`);
    });
  }

  url(port) {
    return `redis://127.0.0.1:${port}`;
  }
}
