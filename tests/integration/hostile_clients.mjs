// Clients that are slow, deaf, half gone or greedy: those who behave hardly notice, and the server's memory is bounded.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, request as send } from "node:http";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Api } from "../e2e/lib/api.mjs";
import { Program } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { inTime } from "../e2e/lib/wait.mjs";

const MIB = 1024 * 1024;
const ROUNDS = 5;
// So many that a round sees more of a crowd than how it arrives: the half-closed come again every second.
const CALLS = 12000;
const AT_ONCE = 4;
const CALLS_AN_ADDRESS = 300; // each round asks twice, and an address may ask 1,000 times at once


const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;

/** The 99th percentile, in milliseconds, of calls on a few kept connections at a time, each from an address that no other round has used the burst of. */
async function p99({ program, api }, round) {
  let addresses = 0;
  const waits = [];
  const call = (agent) =>
    new Promise((resolve, reject) => {
      const began = performance.now();
      const request = send({ host: "127.0.0.1", port: program.port, agent, method: "POST", path: "/api/notification/getUnreadCount", headers: { "content-type": "application/json", cookie: api.cookie } }, (response) => {
        response.resume().on("end", () => {
          waits.push(performance.now() - began);
          if (response.statusCode === 200) resolve();
          else reject(new Error(`a client who behaves was answered ${response.statusCode}`));
        });
      });
      request.on("error", reject);
      request.end("{}");
    });
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let left = CALLS / AT_ONCE; left > 0; left -= CALLS_AN_ADDRESS) {
        const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: `127.0.${round}.${11 + addresses++}` });
        for (let i = 0; i < CALLS_AN_ADDRESS; i++) await call(agent);
        agent.destroy();
      }
    }),
  );
  waits.sort((a, b) => a - b);
  return waits[Math.floor(waits.length * 0.99)];
}

for (const [kind, count, mib] of [
  ["drip", 2000, 64],
  ["deaf", 500, 64],
  ["half", 500, 64],
  ["flood", 20, 32],
]) {
  test(`hostile_clients_${kind}_do_not_slow_others`, async (context) => {
    const program = await new Program(context).start({ WATCHBELL_RATE_LIMIT_ADDRESS: "200/1000" });
    const api = await new Api(program).onboard();
    const scene = { program, api };
    await p99(scene, ROUNDS + 1);
    const before = rss(program.pid);
    let most = before;
    const ratios = [];
    for (let round = 0; round < ROUNDS && !(ratios.at(-1) <= 2); round++) {
      const quiet = await p99(scene, round + 1);
      const crowd = new Worker(new URL("lib/hostile.mjs", import.meta.url), { workerData: { port: program.port, kind, count, from: "127.0.0.2" } });
      const failed = new Promise((_, reject) => crowd.once("error", reject));
      context.after(async () => void (await crowd.terminate()));
      await inTime("the crowd to connect", Promise.race([once(crowd, "message"), failed]));
      const busy = await Promise.race([p99(scene, round + 1), failed]);
      most = Math.max(most, rss(program.pid));
      ratios.push(busy / quiet);
      crowd.postMessage("stop");
      await inTime("the crowd to go", once(crowd, "exit"));
    }
    assert.ok(Math.min(...ratios) <= 2, `99th percentile, busy over quiet: ${ratios.map((ratio) => ratio.toFixed(2)).join(" ")}`);
    assert.ok(most - before < mib * MIB, `${Math.round((most - before) / MIB)} MiB more`);
    assert.equal((await fetch(`${program.base}/readyz`)).status, 200);
  });
}

test("a_flood_of_sign_ins_is_sent_away_and_takes_nobodys_turn", async (context) => {
  const program = await new Program(context).start({ WATCHBELL_PASSWORD_QUEUE: "8" });
  const api = await new Api(program).onboard();
  let hashing = true;
  const tries = Array.from({ length: 60 }, async (_, i) => {
    const response = await fetch(`${program.base}/api/auth/sign-in/email`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      // One address would be made to wait before its password is looked at.
      body: JSON.stringify({ email: `nobody-${i}@example.com`, password: `Wrong-${i}-password` }),
    });
    return { status: response.status, retry: response.headers.get("retry-after"), body: await response.json() };
  });
  const answers = Promise.all(tries).finally(() => (hashing = false));
  let meanwhile = 0;
  while (hashing) {
    await api.call("notification", "getUnreadCount");
    if (hashing) meanwhile++;
  }
  const refused = (await answers).filter(({ status }) => status === 503);
  const judged = (await answers).filter(({ status }) => status === 401);
  assert.equal(refused.length + judged.length, 60);
  assert.ok(judged.length >= 8 && refused.length >= 30, `${judged.length} judged, ${refused.length} refused`);
  for (const { retry, body } of refused) {
    assert.equal(retry, "2");
    assert.equal(body.code, "SERVICE_UNAVAILABLE");
  }
  // Hashes take about 95 ms of a core each, eight and more of them in a row.
  assert.ok(meanwhile >= judged.length, `${meanwhile} calls were answered while ${judged.length} passwords were hashed`);
});
