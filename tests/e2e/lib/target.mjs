import { createServer } from "node:http";

/** An HTTP server of the test's own on a port that stays the same while it goes down and comes back. */
export class Target {
  #server;
  #port = 0;

  /** @param handle  (request, response), with the body in request.raw */
  constructor(context, handle = (_, response) => response.end("fine\n")) {
    this.handle = handle;
    context.after(() => this.down());
  }

  get url() {
    return `http://127.0.0.1:${this.#port}/`;
  }

  async up() {
    const server = createServer((request, response) => {
      const parts = [];
      request.on("data", (part) => parts.push(part));
      request.on("end", () => {
        request.raw = Buffer.concat(parts);
        this.handle(request, response);
      });
    });
    await new Promise((resolve, reject) => {
      server.on("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = server.address().port;
    this.#server = server;
    return this;
  }

  /** Refuses connections from now on; those that are open are cut. */
  async down() {
    if (this.#server === undefined) return;
    const server = this.#server;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
}
