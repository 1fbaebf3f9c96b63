import { request } from "node:http";

/** One exchange, its head sent as it is: `{status, headers, cookies, text}`. `fetch` would add headers and refuse some methods. */
export function exchange(base, { method, path, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const sent = request(base + path, { method, headers: { ...headers, ...length }, timeout: 20_000 }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () =>
        resolve({ status: answer.statusCode, headers: answer.headers, cookies: answer.headers["set-cookie"] ?? [], text: Buffer.concat(parts).toString() }),
      );
      answer.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The cookies of one browser. */
export class CookieJar {
  #cookies = new Map();

  get header() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  take(lines) {
    for (const line of lines) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value === "" || /; *max-age=0(;|$)/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}

/** A Set-Cookie line without what differs each time: its value, dates, the order of its attributes. */
export function cookieShape(line) {
  const [pair, ...attributes] = line.split(/; */);
  const [, name, value] = /^([^=]+)=(.*)/.exec(pair);
  const plain = attributes.map((each) => (/^expires=/i.test(each) ? "expires=${any}" : each.toLowerCase())).sort();
  return [`${name}=${value === "" ? "" : "${any}"}`, ...plain].join("; ");
}
