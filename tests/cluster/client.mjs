// Calls of procedures at one process or another. Connections are kept, and as many are opened as there are calls without an answer: nobody waits in a row.
import { Agent, request } from "node:http";

/** A refused call: the HTTP status and what the body said. */
export class Refusal extends Error {
  constructor(what, status, body) {
    super(`${what}: ${status} ${JSON.stringify(body)}`);
    this.status = status;
    this.body = body;
  }
  /** Whether it says "not now" rather than "no". A change that is answered so may have happened. */
  get passing() {
    return this.status >= 500;
  }
}

/** No answer came: nobody knows what became of it, unless nothing was sent at all. */
export class Unanswered extends Error {
  constructor(what, cause) {
    super(`${what}: ${cause.message}`, { cause });
    this.sent = cause.code !== "ECONNREFUSED";
  }
}

export class Client {
  #agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 64 });
  waiting = 0;

  /** @param member  something with a `base`, which may change */
  constructor(member) {
    this.member = member;
  }

  close() {
    this.#agent.destroy();
  }

  /** @param {{cookie?: string, bearer?: string}} who */
  async call(procedure, input, who = {}) {
    const { json } = await this.post(`/api/${procedure}`, input === undefined ? {} : { json: input }, who);
    return json;
  }

  /** The body of the answer; `cookies` of it, if wanted, are put into `taken`. */
  async post(path, input, { cookie, bearer } = {}, taken = []) {
    const body = JSON.stringify(input);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    // A page of ours: session endpoints want its origin as soon as a cookie comes along.
    if (cookie !== undefined) Object.assign(headers, { cookie, origin: this.member.base });
    if (bearer !== undefined) headers.authorization = `Bearer ${bearer}`;
    this.waiting += 1;
    try {
      const { status, text, cookies } = await new Promise((resolve, reject) => {
        const { hostname, port } = new URL(this.member.base);
        const out = request({ agent: this.#agent, hostname, port, path, method: "POST", headers }, (answer) => {
          const parts = [];
          answer.on("data", (part) => parts.push(part));
          answer.on("error", reject);
          answer.on("end", () => resolve({ status: answer.statusCode, text: Buffer.concat(parts).toString(), cookies: answer.headers["set-cookie"] ?? [] }));
        });
        out.on("error", reject);
        out.end(body);
      }).catch((error) => {
        throw new Unanswered(path, error);
      });
      const value = text === "" ? {} : JSON.parse(text);
      if (status !== 200) throw new Refusal(path, status, value);
      taken.push(...cookies.map((line) => line.split(";")[0]));
      return value;
    } finally {
      this.waiting -= 1;
    }
  }

  /** The cookie of a new session. */
  async signIn(email, password) {
    const taken = [];
    await this.post("/api/auth/sign-in/email", { email, password }, {}, taken);
    const cookie = taken.find((pair) => pair.includes("=") && !pair.endsWith("=") && !pair.startsWith("better-auth.two_factor"));
    if (cookie === undefined) throw new Error("a sign-in set no cookie");
    return cookie;
  }

  signOut(cookie) {
    return this.post("/api/auth/sign-out", {}, { cookie });
  }
}
