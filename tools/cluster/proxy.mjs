// A TCP proxy that stands between one process and one server, and does what networks do: cut, hold back, delay, refuse.
//
// Each connection is of a kind: "bus" once its client subscribed to something (LISTEN, SUBSCRIBE), "rest" before and otherwise. What is done to connections
// is done to one kind or to all, to those there are and to those that come. Nothing is ever lost out of the middle of a connection: bytes that are held
// leave later, in order, or go with the connection.
import { connect, createServer } from "node:net";

/** By what a client says, its connection is one that listens. */
const LISTENS = { postgres: /^Q.{4}listen /is, redis: /\$\d+\r\n[ps]?subscribe\r\n/i };
/** What is read ahead of somebody who does not read, or of bytes that are held. */
const MOST_WAITING = 1 << 20;

/** One direction of a connection. */
class Pump {
  #waiting = [];
  #timer;
  #ended = false;
  #full = false;
  /** Bytes that came and did not leave yet. */
  waiting = 0;

  constructor(from, to, rule) {
    Object.assign(this, { from, to, rule });
    from.on("end", () => {
      this.#ended = true;
      this.step();
    });
    to.on("drain", () => {
      this.#full = false;
      this.step();
    });
  }

  take(bytes) {
    this.#waiting.push({ bytes, due: performance.now() + this.rule().delayMs });
    this.waiting += bytes.length;
    if (this.waiting > MOST_WAITING) this.from.pause();
    this.step();
  }

  /** Sends on whatever may leave by now. */
  step() {
    clearTimeout(this.#timer);
    if (this.rule().hold || this.#full) return;
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      const early = head.due - performance.now();
      // A delay that was lifted holds nothing any more.
      if (early > 0 && this.rule().delayMs > 0) {
        this.#timer = setTimeout(() => this.step(), Math.ceil(early));
        return;
      }
      this.#waiting.shift();
      this.waiting -= head.bytes.length;
      if (!this.to.write(head.bytes)) {
        this.#full = true;
        return;
      }
    }
    if (this.#ended) this.to.end();
    else this.from.resume();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#waiting = [];
    this.waiting = 0;
  }
}

export class Proxy {
  #server;
  #links = new Set();
  #rules = { bus: fresh(), rest: fresh() };

  /**
   * @param to  of net.connect: {path} or {host, port}
   * @param {{speaks?: "postgres" | "redis"}} options  by what a bus is known; without, there is none
   */
  constructor(to, { speaks } = {}) {
    this.to = to;
    this.speaks = speaks;
    /** How often a PostgreSQL server was through with what it had been asked, over all connections but the bus. */
    this.roundTrips = 0;
  }

  async up() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    await new Promise((resolve, reject) => {
      this.#server.on("error", reject);
      this.#server.listen(0, "127.0.0.1", resolve);
    });
    this.port = this.#server.address().port;
    return this;
  }

  async down() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  /** How many connections stand. */
  count(kind) {
    return [...this.#links].filter((link) => kind === undefined || link.kind === kind).length;
  }

  /** Bytes that came from either side and were not sent on yet. */
  get waiting() {
    return [...this.#links].reduce((sum, link) => sum + link.waiting(), 0);
  }

  /** Resets the connections of a kind, or all; new ones may come. */
  cut(kind) {
    for (const link of this.#links) if (kind === undefined || link.kind === kind) link.reset();
  }

  /** Holds all bytes, in both directions, until heal(). */
  hold(kind) {
    this.#set(kind, { hold: true });
  }

  /** Lets each piece wait so long. */
  delay(delayMs, kind) {
    this.#set(kind, { delayMs });
  }

  /** Resets what there is and what comes, until heal(). */
  refuse(kind) {
    this.#set(kind, { refuse: true });
    this.cut(kind);
  }

  heal() {
    this.#rules = { bus: fresh(), rest: fresh() };
    for (const link of this.#links) link.step();
  }

  #set(kind, change) {
    for (const each of kind === undefined ? ["bus", "rest"] : [kind]) Object.assign(this.#rules[each], change);
    for (const link of this.#links) link.step();
  }

  #accept(client) {
    client.on("error", () => {});
    if (this.#rules.rest.refuse && this.#rules.bus.refuse) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...this.to, allowHalfOpen: true, noDelay: true });
    const link = { kind: "rest" };
    const rule = () => this.#rules[link.kind];
    const there = new Pump(client, server, rule);
    const back = new Pump(server, client, rule);
    const answers = this.speaks === "postgres" ? new Answers() : undefined;
    link.step = () => {
      there.step();
      back.step();
    };
    link.waiting = () => there.waiting + back.waiting;
    link.over = () => {
      if (!this.#links.delete(link)) return;
      there.stop();
      back.stop();
      client.destroy();
      server.destroy();
    };
    link.reset = () => {
      if (!this.#links.has(link)) return;
      client.resetAndDestroy();
      if (this.to.path === undefined) server.resetAndDestroy(); // a unix socket knows no reset
      link.over();
    };
    this.#links.add(link);
    client.on("data", (bytes) => {
      if (link.kind === "rest" && LISTENS[this.speaks]?.test(bytes.toString("latin1"))) link.kind = "bus";
      if (rule().refuse) return link.reset();
      answers?.asked(bytes);
      there.take(bytes);
    });
    server.on("data", (bytes) => {
      if (link.kind === "rest") this.roundTrips += answers?.came(bytes) ?? 0;
      back.take(bytes);
    });
    // Each side hears of the other's end as of a cut, unless it ended in order and everything was sent on.
    server.on("error", link.reset);
    client.on("close", () => (client.readableEnded && server.writable ? undefined : link.over()));
    server.on("close", () => (server.readableEnded && client.writable ? undefined : link.over()));
    client.on("error", link.reset);
  }
}

const fresh = () => ({ hold: false, delayMs: 0, refuse: false });

/** Counts in what a PostgreSQL server says how often it says that it is ready for the next question. */
class Answers {
  #left = Buffer.alloc(0);
  #bare = 0; // answers of one byte to requests for encryption

  asked(bytes) {
    if (bytes.length === 8 && bytes.readUInt32BE(0) === 8 && [80877103, 80877104].includes(bytes.readUInt32BE(4))) this.#bare += 1;
  }

  came(bytes) {
    let ready = 0;
    let all = this.#left.length === 0 ? bytes : Buffer.concat([this.#left, bytes]);
    while (this.#bare > 0 && all.length > 0) {
      this.#bare -= 1;
      all = all.subarray(1);
    }
    while (all.length >= 5) {
      const size = 1 + all.readUInt32BE(1);
      if (all.length < size) break;
      if (all[0] === 0x5a) ready += 1;
      all = all.subarray(size);
    }
    this.#left = all;
    return ready;
  }
}
