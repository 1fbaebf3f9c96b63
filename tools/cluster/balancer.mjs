// One address in front of many: each request goes to the next server that is ready. Websockets go through. Of servers that cannot be reached, the request goes
// on to the next one, for nothing of it was sent; a request that a server took is never sent again.
import { createServer, request } from "node:http";
import { connect } from "node:net";

const EVERY_MS = 250;

export class Balancer {
  #server;
  #next = 0;
  #timer;
  #targets;
  #sockets = new Set();

  /** @param targets  functions that answer {host, port}, or nothing while there is no such server: addresses may change */
  constructor(targets, { probe = "/readyz" } = {}) {
    this.#targets = targets.map((where) => ({ where, ready: true }));
    this.probe = probe;
  }

  async up(port = 0) {
    this.#server = createServer((from, to) => this.#pass(from, to));
    this.#server.on("upgrade", (from, socket, head) => this.#upgrade(from, socket, head));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    await new Promise((resolve, reject) => {
      this.#server.on("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    this.port = this.#server.address().port;
    this.base = `http://127.0.0.1:${this.port}`;
    if (this.probe !== undefined) this.#watch();
    return this;
  }

  async down() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Asks each server again and again whether it is ready. */
  async #watch() {
    await Promise.all(this.#targets.map(async (target) => {
      const where = target.where();
      target.ready = where !== undefined && (await isReady(where, this.probe));
    }));
    if (this.#timer !== null) this.#timer = setTimeout(() => this.#watch(), EVERY_MS);
  }

  /** A connection to the next server: those that say they are ready first, then the others, who may just not have been asked. */
  async #reach() {
    const turn = this.#next++;
    const order = this.#targets.map((_, i) => this.#targets[(turn + i) % this.#targets.length]);
    for (const { where } of [...order.filter(({ ready }) => ready), ...order.filter(({ ready }) => !ready)]) {
      const target = where();
      const socket = target === undefined ? undefined : await reached(target);
      if (socket !== undefined) return { socket, target };
    }
    return undefined;
  }

  async #pass(from, to) {
    const upstream = await this.#reach();
    if (upstream === undefined) {
      to.writeHead(503, { "content-type": "application/json", "retry-after": "1" }).end('{"error":"no server is ready"}\n');
      return;
    }
    const { socket } = upstream;
    const headers = { ...from.headers, connection: "close" };
    const out = request({ createConnection: () => socket, method: from.method, path: from.url, headers, setHost: false }, (answer) => {
      const { connection, "keep-alive": _, ...kept } = answer.headers;
      to.writeHead(answer.statusCode, answer.statusMessage, kept);
      answer.pipe(to);
      answer.on("error", () => to.destroy());
    });
    // What was taken and not answered is not answered here either: only the client knows whether to ask again.
    out.on("error", () => to.destroy());
    to.on("close", () => out.destroy());
    from.pipe(out);
  }

  async #upgrade(from, socket, head) {
    socket.on("error", () => {});
    const upstream = await this.#reach();
    if (upstream === undefined) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const { socket: other } = upstream;
    const lines = [];
    for (let i = 0; i < from.rawHeaders.length; i += 2) lines.push(`${from.rawHeaders[i]}: ${from.rawHeaders[i + 1]}\r\n`);
    other.write(`${from.method} ${from.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
    other.write(head);
    other.on("error", () => socket.destroy());
    other.on("close", () => socket.destroy());
    socket.on("close", () => other.destroy());
    other.pipe(socket);
    socket.pipe(other);
  }
}

/** A connection, or nothing. */
function reached({ host, port }) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once("error", () => resolve(undefined));
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

function isReady({ host, port }, path) {
  return new Promise((resolve) => {
    const out = request({ host, port, path, agent: false, timeout: 1000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    out.on("timeout", () => out.destroy());
    out.on("error", () => resolve(false));
    out.end();
  });
}
