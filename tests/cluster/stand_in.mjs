// Stands in for the program in tests of the tools: says where it listens, and what it was given.
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";

const argument = (name) => process.argv[process.argv.indexOf(name) + 1];
mkdirSync(argument("--data"), { recursive: true });
const server = createServer((_, response) => response.end(JSON.stringify({ pid: process.pid, environment: process.env })));
process.on("SIGTERM", () => process.exit(0));
server.listen(Number(argument("--listen").split(":")[1]), "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
