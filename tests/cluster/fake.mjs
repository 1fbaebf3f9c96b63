// A server that keeps no promise unless told to: several "processes", each with a cache of its own, over one memory. It shows that a whole run, from the
// clients to the checker, finds what is stale, and that it finds nothing where nothing is.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const THEMES = { theme: "system" };

export class Fake {
  #systems = new Map();
  #themes = new Map();
  #servers = [];
  #timers = new Set();
  members = [];

  /** @param {{processes?: number, lateMs?: number}} options  lateMs: for how long after the answer the other processes remember the old */
  constructor({ processes = 3, lateMs = 0 } = {}) {
    Object.assign(this, { processes, lateMs });
  }

  async up() {
    for (let index = 0; index < this.processes; index++) {
      const member = { index, cache: new Map() };
      const server = createServer((request, response) => {
        const parts = [];
        request.on("data", (part) => parts.push(part));
        request.on("end", () => {
          const { json } = JSON.parse(Buffer.concat(parts));
          const { status = 200, body, cookie } = this.#answer(member, request.url, json, request.headers.cookie);
          if (cookie !== undefined) response.setHeader("set-cookie", cookie);
          response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body === undefined ? {} : { json: body }));
        });
      });
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      member.base = `http://127.0.0.1:${server.address().port}`;
      this.#servers.push(server);
      this.members.push(member);
    }
    return this;
  }

  async down() {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const server of this.#servers) {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    }
  }

  #answer(member, path, input, cookie) {
    const cached = (key, load) => {
      if (!member.cache.has(key)) member.cache.set(key, load());
      return { body: member.cache.get(key) };
    };
    switch (path) {
      case "/api/auth/createCredentialUser":
        return { body: { userId: input.email } };
      case "/api/auth/sign-in/email":
        return { cookie: `session=${randomUUID()}` };
      case "/api/catalog/createSystem": {
        const system = { id: randomUUID(), ...input };
        this.#systems.set(system.id, system);
        this.#forget(member, "systems", system.id);
        return { body: system };
      }
      case "/api/catalog/updateSystem": {
        const system = { ...this.#systems.get(input.id), ...input.data };
        this.#systems.set(system.id, system);
        this.#forget(member, "systems", system.id);
        return { body: system };
      }
      case "/api/catalog/getSystem":
        return cached(input.systemId, () => this.#systems.get(input.systemId));
      case "/api/catalog/getSystems":
      case "/api/catalog/getEntities":
        return cached("systems", () => ({ systems: [...this.#systems.values()] }));
      case "/api/theme/getTheme":
        return cached(cookie, () => this.#themes.get(cookie) ?? THEMES);
      case "/api/theme/setTheme":
        this.#themes.set(cookie, input);
        this.#forget(member, cookie);
        return {};
      default:
        return { status: 404, body: { code: "NOT_FOUND" } };
    }
  }

  #forget(writer, ...keys) {
    for (const member of this.members) {
      const forget = () => {
        for (const key of keys) member.cache.delete(key);
      };
      if (member === writer || this.lateMs === 0) {
        forget();
        continue;
      }
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        forget();
      }, this.lateMs);
      this.#timers.add(timer);
    }
  }
}
