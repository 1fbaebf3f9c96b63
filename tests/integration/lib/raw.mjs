import { connect } from "node:net";
import { randomBytes } from "node:crypto";
import { inTime } from "../../e2e/lib/wait.mjs";

/** A socket that says exactly what a test wants and collects what comes back. */
export class RawSocket {
  #socket;
  #wake = () => {};
  received = Buffer.alloc(0);
  ended = false;

  static async open(context, server) {
    const raw = new RawSocket();
    raw.#socket = connect(server.port, "127.0.0.1");
    raw.#socket.on("data", (part) => {
      raw.received = Buffer.concat([raw.received, part]);
      raw.#wake();
    });
    const end = () => {
      raw.ended = true;
      raw.#wake();
    };
    raw.#socket.on("end", end);
    raw.#socket.on("close", end);
    raw.#socket.on("error", end); // a cut is an end; what was said before it is judged
    context.after(async () => raw.#socket.destroy());
    await inTime("the connection", new Promise((resolve) => raw.#socket.once("connect", resolve)));
    return raw;
  }

  write(data) {
    this.#socket.write(data);
  }

  /** Closes our half. */
  finish() {
    this.#socket.end();
  }

  cut() {
    this.#socket.destroy();
  }

  /** Takes what `take` finds at the front of what was received: it answers how many bytes that is, or 0 while there is too little. */
  async take(what, size) {
    await inTime(
      what,
      new Promise((resolve, reject) => {
        const look = () => {
          if (size(this.received) > 0) resolve();
          else if (this.ended) reject(new Error(`the connection ended before ${what}, after: ${this.received.toString("latin1")}`));
        };
        this.#wake = look;
        look();
      }),
    );
    const count = size(this.received);
    const taken = this.received.subarray(0, count);
    this.received = this.received.subarray(count);
    return taken;
  }

  /** The next answer: `{status, headers, text}`. */
  async answer() {
    const head = (await this.take("the head of an answer", (data) => data.indexOf("\r\n\r\n") + 4 - (data.includes("\r\n\r\n") ? 0 : 3))).toString("latin1");
    const [line, ...fields] = head.trimEnd().split("\r\n");
    const headers = new Map(fields.map((field) => [field.slice(0, field.indexOf(":")).toLowerCase(), field.slice(field.indexOf(":") + 1).trim()]));
    const status = Number(line.split(" ")[1]);
    const length = Number(headers.get("content-length") ?? 0);
    const text = length === 0 || status === 101 ? "" : (await this.take("the body of an answer", (data) => (data.length >= length ? length : 0))).toString();
    return { status, headers, text };
  }

  /** Waits until the other side has closed. */
  async closed() {
    await inTime(
      "the other side to close",
      new Promise((resolve) => {
        this.#wake = () => this.ended && resolve();
        this.#wake();
      }),
    );
  }
}

/** The other side of a websocket, which may break any rule of it. */
export class RawWebSocket {
  constructor(raw) {
    this.raw = raw;
  }

  static async open(context, server, headers = {}) {
    const raw = await RawSocket.open(context, server);
    const lines = { host: `127.0.0.1:${server.port}`, upgrade: "websocket", connection: "Upgrade", "sec-websocket-version": "13", "sec-websocket-key": randomBytes(16).toString("base64"), ...headers };
    raw.write(
      `GET /api/signals/ws HTTP/1.1\r\n${Object.entries(lines)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("")}\r\n`,
    );
    const { status } = await raw.answer();
    return status === 101 ? new RawWebSocket(raw) : status;
  }

  /** @param {{opcode?: number, final?: boolean, masked?: boolean, reserved?: number, length?: number}} shape  length: what the head claims */
  send(payload, { opcode = 1, final = true, masked = true, reserved = 0, length } = {}) {
    const data = Buffer.from(payload);
    const claimed = length ?? data.length;
    const head = [(final ? 0x80 : 0) | (reserved << 4) | opcode];
    const bit = masked ? 0x80 : 0;
    if (claimed < 126) head.push(bit | claimed);
    else if (claimed < 65536) head.push(bit | 126, claimed >> 8, claimed & 255);
    else head.push(bit | 127, ...[56n, 48n, 40n, 32n, 24n, 16n, 8n, 0n].map((shift) => Number((BigInt(claimed) >> shift) & 255n)));
    const mask = randomBytes(4);
    const body = masked ? Buffer.concat([mask, data.map((byte, i) => byte ^ mask[i % 4])]) : data;
    this.raw.write(Buffer.concat([Buffer.from(head), body]));
  }

  /** The next frame that is no ping: `{opcode, payload}`. Frames of the server are short enough and never masked or split. */
  async frame() {
    for (;;) {
      const frame = await this.raw.take("a websocket frame", (data) => {
        if (data.length < 2) return 0;
        const short = data[1] & 127;
        const extra = short === 126 ? 2 : 0;
        if (data.length < 2 + extra) return 0;
        const size = 2 + extra + (extra === 2 ? data.readUInt16BE(2) : short);
        return data.length >= size ? size : 0;
      });
      const opcode = frame[0] & 15;
      if (opcode === 9) continue;
      return { opcode, payload: frame.subarray((frame[1] & 127) === 126 ? 4 : 2) };
    }
  }

  async json() {
    const { opcode, payload } = await this.frame();
    if (opcode !== 1) throw new Error(`expected a text frame, got ${opcode} ${payload.toString("hex")}`);
    return JSON.parse(payload.toString());
  }

  /** The code the server closes with, text frames before it passed over; it must then close the connection too. */
  async closeCode() {
    for (;;) {
      const { opcode, payload } = await this.frame();
      if (opcode !== 8) continue;
      this.send(payload, { opcode: 8 });
      await this.raw.closed();
      return payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    }
  }
}
