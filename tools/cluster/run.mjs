// Starts several processes of the program with a PostgreSQL, and a Redis when wanted, in a temporary folder, and one address in front of them:
//   node tools/cluster/run.mjs --program build/release/watchbell [--processes 3] [--redis] [--port 3100]
// Ctrl-C ends everything it started and removes the folder.
import { randomBytes } from "node:crypto";
import { options } from "../../tests/e2e/lib/runner.mjs";
import { Cluster } from "./cluster.mjs";

const argv = process.argv.slice(2);
const redis = argv.includes("--redis");
const chosen = options(argv.filter((word) => word !== "--redis"), ["program", "processes", "port"]);
if (chosen.program === undefined || chosen.only.length > 0) throw new Error("usage: run.mjs --program PATH [--processes 3] [--redis] [--port 3100]");
const whole = (name, fallback, least, most) => {
  const value = Number(chosen[name] ?? fallback);
  if (!Number.isInteger(value) || value < least || value > most) throw new Error(`--${name} must be a whole number from ${least} to ${most}`);
  return value;
};

const processes = whole("processes", 3, 1, 50);
const port = whole("port", 3100, 0, 65_535);
console.log(`starting ${processes} processes over PostgreSQL${redis ? " and Redis" : ""} ...`);
const starting = Cluster.start({ program: chosen.program, processes, redis, port });
let asked = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    if (asked) process.exit(1); // whoever asks twice does not wait
    asked = true;
    console.log("ending");
    await (await starting.catch(() => undefined))?.end();
    process.exit(0);
  });
}
const cluster = await starting;

const admin = { name: "Administrator", email: "admin@example.com", password: `Bell-${randomBytes(9).toString("base64url")}` };
const made = await fetch(`${cluster.members[0].base}/api/auth/completeOnboarding`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ json: admin }),
});
if (!made.ok) {
  await cluster.end();
  throw new Error(`the administrator was refused: ${made.status} ${await made.text()}`);
}

console.log(`
Open ${cluster.balancer.base} and sign in as ${admin.email} with the password ${admin.password}

each process alone   ${cluster.members.map(({ base, pid }) => `${base} (pid ${pid})`).join("\n                     ")}
psql                 psql -h ${cluster.postgres.folder} -U watchbell watchbell${redis ? `\nredis-cli            redis-cli -s ${cluster.redis.path}` : ""}
logs                 ${cluster.folder}/logs

Kill a process with kill -9, stop it with kill -STOP: the others serve on. Ctrl-C ends everything and removes ${cluster.folder}.
`);
