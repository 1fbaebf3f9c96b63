// The receivers of a run: a host a user for webhooks, one each for ntfy and gotify. They do what the plan says, and remember what came and what they did.
import { createServer } from "node:http";
import { connect } from "node:net";
import { until } from "../e2e/lib/wait.mjs";
import { RETRY_AFTER_S, isFinal, statusOf } from "./plan.mjs";

const HOLD_MS = 15_000; // longer than any sender waits

export class Receivers {
  #servers = [];
  #timers = new Set();
  #waiting = [];
  /** Requests by delivery, "channel/user/title": {at, id, deed, answered} in the order they came. */
  deliveries = new Map();
  /** What came that no send of the plan said, by title: told to whom. */
  others = [];
  arrivals = 0;

  constructor(plan) {
    this.plan = plan;
  }

  async up() {
    for (let user = 0; user < this.plan.users.length; user++) await this.#listen(`127.0.0.${10 + user}`, (request, body) => this.#came("webhook", user, body.title, request.headers["webhook-id"]));
    this.ntfy = await this.#listen("127.0.0.101", (_, body) => this.#came("ntfy", Number(body.topic.slice(5)), body.title));
    this.gotify = await this.#listen("127.0.0.102", (request, body) => this.#came("gotify", Number(request.headers["x-gotify-key"].slice(4)), body.title));
    this.webhooks = this.#servers.slice(0, this.plan.users.length).map((server) => `http://${server.address().address}:${server.address().port}/hook`);
    return this;
  }

  async down() {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const server of this.#servers) server.closeAllConnections();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** Begins anew with another plan: what came is forgotten, what hangs is cut. */
  begin(plan) {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const server of this.#servers) server.closeAllConnections();
    this.plan = plan;
    this.deliveries = new Map();
    this.others = [];
    this.arrivals = 0;
    this.#waiting = [];
  }

  /** Waits until so many requests came. */
  async came(count) {
    if (this.arrivals < count) await new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Waits until what a dead sender had sent is read, and its connections are over. */
  async drained() {
    // The kernel may have taken some that we have not. They stand in a row: when one that comes last has had its turn, so had they.
    await Promise.all(this.#servers.map((server) => new Promise((resolve, reject) => {
      const { address, port } = server.address();
      connect(port, address).on("error", reject).on("close", resolve).resume().end();
    })));
    const open = (server) => new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
    await until("the dead server's connections to end", async () => (await Promise.all(this.#servers.map(open))).every((count) => count === 0));
  }

  async #listen(host, name) {
    const server = createServer((request, response) => {
      const parts = [];
      request.on("data", (part) => parts.push(part));
      request.on("error", () => {});
      response.on("error", () => {});
      request.on("end", () => this.#take(request, response, name(request, JSON.parse(Buffer.concat(parts)))));
    });
    server.keepAliveTimeout = 60_000;
    await new Promise((resolve, reject) => {
      server.on("error", reject);
      server.listen(0, host, resolve);
    });
    this.#servers.push(server);
    return `http://${host}:${server.address().port}`;
  }

  /** Writes down a request; what the plan has for it. */
  #came(channel, user, title, id) {
    this.arrivals += 1;
    for (const one of this.#waiting.filter(({ count }) => count <= this.arrivals)) {
      this.#waiting.splice(this.#waiting.indexOf(one), 1);
      one.resolve();
    }
    if (!/^n-\d+$/.test(title)) {
      this.others.push({ channel, user, title });
      return { deed: "take" };
    }
    const key = `${channel}/${user}/${title}`;
    if (!this.deliveries.has(key)) this.deliveries.set(key, []);
    const requests = this.deliveries.get(key);
    const request = { at: performance.now(), id, deed: this.plan.deed(channel, user, title, requests.length + 1), answered: undefined };
    requests.push(request);
    return request;
  }

  #later(ms, what) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      what();
    }, ms);
    this.#timers.add(timer);
  }

  #take(request, response, entry) {
    const { deed } = entry;
    const socket = request.socket;
    const answer = () => {
      if (!socket.writable) return; // nobody hears it: the connection is over, maybe by the end of the answer before
      entry.answered = performance.now();
      response.end();
    };
    if (deed === "hang") return this.#later(HOLD_MS, () => socket.destroy());
    if (deed === "reset") return socket.resetAndDestroy();
    if (deed === "reset half-way") {
      socket.write("HTTP/1.1 200 OK\r\nContent-Le");
      return this.#later(5, () => socket.resetAndDestroy());
    }
    if (deed === "drip" || deed === "drip and take") {
      // Says that it closes: else the next request may be on its way already, and would come twice, in either order.
      const text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\nX-Slow: ....\r\n\r\nok";
      const pause = deed === "drip" ? HOLD_MS / text.length : 2;
      const began = performance.now();
      // What is due by the clock: on a busy machine the pauses are longer than asked for, and what is taken must not take for ever.
      const drip = (from) => {
        if (socket.destroyed) return;
        const to = Math.min(text.length, Math.max(from, Math.floor((performance.now() - began) / pause)) + 1);
        if (to === text.length && isFinal(deed)) entry.answered = performance.now();
        socket.write(text.slice(from, to));
        if (to < text.length) this.#later(pause, () => drip(to));
        else socket.end();
      };
      return drip(0);
    }
    response.statusCode = statusOf(deed);
    if (deed === "busy") response.setHeader("Retry-After", RETRY_AFTER_S);
    if (deed === "move") response.setHeader("Location", "http://127.0.0.1/elsewhere");
    answer();
  }
}
