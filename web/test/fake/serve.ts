/**
 * The built app over the fake server: `npm run build && npm run fake`, then http://127.0.0.1:4173.
 * Options: `--port N`, `--empty` (nothing set up yet), `--calm` (nothing moves by itself).
 */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { extname, join, normalize } from "node:path";
import { WebSocketServer } from "ws";
import { FakeServer } from "./fake-server.ts";
import { seed } from "./seed.ts";

const dist = new URL("../../dist/", import.meta.url).pathname;
const portAt = process.argv.indexOf("--port");
const port = portAt < 0 ? 4173 : Number(process.argv[portAt + 1]);
const types: Record<string, string> = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const COOKIE = "better-auth.session_token";

const server = new FakeServer();

if (!process.argv.includes("--empty")) {
  const user = server.addUser();
  const token = server.openSession(user);
  server.addUser({ name: "Benjamin Operator", email: "benjamin.operator@example.com", rules: [] });
  server.people.addKey("Build", { description: "Sends a notification when a deploy ends", lastUsedAt: new Date(), rateLimit: { perSecond: 5, burst: 20 } });
  server.people.addKey("Old laptop", { revokedAt: new Date() });
  server.people.note("role.create", { actor: "user:1", actorName: user.name, target: "role:9", targetName: "Operators", address: "192.0.2.7" });
  server.people.note("session.sign_in", { actor: "unknown", target: "benjamin.operator@example.com", address: "2001:db8:85a3::8a2e:370:7334", outcome: "refused" });
  await seed(server, user, async (path, input) => {
    const { response } = await server.handle("POST", `/api/${path}`, JSON.stringify({ json: input }), token);
    const { json } = (await response.json()) as { json: unknown };
    return json;
  });
  const [shop, payments] = server.systems;
  server.catalog.addView("What fails", { systems: { state: "unhealthy" } });
  server.catalog.addView("Everything whose name has a search in it, however long this name gets", { systems: { q: "search" } });
  server.catalog.addGroup("Customers", [shop, payments].flatMap((system) => (system ? [system.id] : [])));
  if (shop) {
    server.catalog.contacts.push({ id: "1", type: "mailbox", systemId: shop.id, email: "shop-oncall@example.com", label: "on call", createdAt: new Date() });
    shop.metadata = { region: "eu-central", tier: 1 };
  }
  server.delivery.teams = {};
  server.delivery.die("the receiver answered 502");
  server.delivery.die("the receiver did not answer within 10 s; the address was resolved, and the connection opened", { userName: "Benjamin Operator" });
  console.log("sign in as ada@example.com with Secret123");
}

if (!process.argv.includes("--calm")) {
  setInterval(() => {
    for (const system of server.systems) {
      if (Math.random() < 0.06) server.run(system.id, "unhealthy", undefined, "Connection refused");
      else server.run(system.id, "healthy", Math.round(40 + Math.random() * 120));
    }
  }, 2_000);
}

const tokenOf = (request: IncomingMessage) => new RegExp(`${COOKIE}=([^;]+)`).exec(request.headers.cookie ?? "")?.[1];

const http = createServer((request, answer) => {
  const path = new URL(request.url ?? "/", "http://fake").pathname;
  // As strict as the program itself, so that what it would refuse is seen here.
  answer.setHeader("content-security-policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'");
  if (path.startsWith("/api/")) {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const token = tokenOf(request);
      void server.handle(request.method ?? "GET", path, Buffer.concat(parts).toString(), token).then(async ({ response, token: next }) => {
        response.headers.forEach((value, name) => answer.setHeader(name, value));
        if (next !== token) answer.setHeader("set-cookie", next === undefined ? `${COOKIE}=; Path=/; Max-Age=0` : `${COOKIE}=${next}; Path=/; HttpOnly; SameSite=Lax`);
        answer.writeHead(response.status).end(await response.text());
      });
    });
    return;
  }
  const file = join(dist, normalize(path));
  const found = path !== "/" && existsSync(file) ? file : join(dist, "index.html");
  const accepted = String(request.headers["accept-encoding"]);
  const [encoding, ending] = accepted.includes("br") ? ["br", ".br"] : ["gzip", ".gz"];
  answer.setHeader("content-type", types[extname(found)] ?? "application/octet-stream");
  answer.setHeader("content-encoding", encoding);
  answer.end(readFileSync(`${found}${ending}`));
});

new WebSocketServer({ server: http, path: "/api/signals/ws" }).on("connection", (socket, request) => {
  const link = server.connect(tokenOf(request), { send: (frame) => socket.send(frame), close: (code) => socket.close(code) });
  socket.on("message", (data: Buffer) => link.frame(data.toString()));
  socket.on("close", link.closed);
});

http.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${String(port)}`));
