// Plays what the wire we follow was recorded to answer against the built program:
//   node run.mjs --program build/release/watchbell [--exempt-left FILE] [SCENARIO...]
// A line for each step that is not as recorded; the last line is "N passed, M failed". --exempt-left writes the list of exempt steps without those that
// are answered as they should be.
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { ADMIN, Api } from "../e2e/lib/api.mjs";
import { Program } from "../e2e/lib/program.mjs";
import { options } from "../e2e/lib/runner.mjs";
import { differences, typed } from "./lib/compare.mjs";
import { cookieShape, CookieJar, exchange } from "./lib/exchange.mjs";
import { stepsOf, Symbols } from "./lib/recording.mjs";

const SCENARIOS = ["wire", "http-core", "auth-session", "catalog"];

/** The recordings know no rate limits. */
const UNLIMITED = { WATCHBELL_RATE_LIMIT_PRINCIPAL: "off", WATCHBELL_RATE_LIMIT_ADDRESS: "off", WATCHBELL_RATE_LIMIT_SIGN_IN: "off" };

const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
/** Steps that need what is not built yet: "scenario / step" -> why. */
const exempt = new Map(Object.entries(read("exempt.json")));
/** Steps that we answer in another way for good: "scenario / step" -> `{why, response}`. */
const deviations = new Map(Object.entries(read("deviations.json")));

const chosen = options(process.argv.slice(2), ["program", "exempt-left"]);
if (chosen.program === undefined) throw new Error("--program PATH is missing");
chosen.program = resolve(chosen.program);
const scenarios = chosen.only.length === 0 ? SCENARIOS : chosen.only;

let passed = 0;
const failures = [];
const met = new Set();
for (const scenario of scenarios) await play(scenario);
for (const name of [...exempt.keys(), ...deviations.keys()])
  if (scenarios.includes(name.split(" / ")[0]) && !met.has(name)) failures.push(`${name}: no such step`);
if (chosen["exempt-left"] !== undefined) writeFileSync(chosen["exempt-left"], `${JSON.stringify(Object.fromEntries(exempt), null, 2)}\n`);
for (const line of failures) console.log(`FAILED  ${line}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 && passed > 0 ? 0 : 1);

/** Plays a scenario against a server of its own, on which only the administrator exists. */
async function play(scenario) {
  const endings = [];
  const server = await new Program({ options: chosen, after: (ending) => endings.push(ending), onFailure: () => {}, keep: () => undefined }).start(UNLIMITED);
  try {
    const admin = await new Api(server).onboard();
    const { id } = await admin.call("auth", "getCurrentUserProfile");
    const symbols = new Symbols({ run: "p1a2b3", base: server.base, adminId: id });
    const jars = new Map();
    const jarOf = (session) => jars.get(session) ?? jars.set(session, new CookieJar()).get(session);
    jarOf("admin").take([admin.cookie]);
    for (const step of stepsOf(scenario)) await judge(`${scenario} / ${step.name}`, step, server, symbols, jarOf);
  } finally {
    for (const ending of endings) await ending();
  }
}

async function judge(name, step, server, symbols, jarOf) {
  met.add(name);
  const got = await send(step.request, server, symbols, jarOf);
  const wrong = found(step, step.response, got, symbols);
  const deviation = deviations.get(name);
  if (deviation !== undefined && wrong.length === 0) return void failures.push(`${name}: is listed as a deviation (${deviation.why}) but answered as recorded`);
  const problems = deviation === undefined ? wrong : found(step, deviation.response, got, symbols);
  // What is built leaves the list of what is not: it shrinks by itself.
  if (exempt.has(name)) {
    if (problems.length > 0) return;
    failures.push(`${name}: is exempt (${exempt.get(name)}) but answered as it should be`);
    exempt.delete(name);
  } else if (problems.length === 0) ++passed;
  else failures.push(`${name}: ${problems.slice(0, 4).join("; ")}`);
}

async function send({ method, path, headers, session, body }, server, symbols, jarOf) {
  const jar = session === undefined ? undefined : jarOf(session);
  const cookie = jar?.header ? { cookie: jar.header } : {};
  const filled = symbols.fill(body);
  const request = { method, path: symbols.fill(path), headers: { ...symbols.fill(headers), ...cookie }, body: filled === undefined || typeof filled === "string" ? filled : JSON.stringify(filled) };
  const answer = await exchange(server.base, request);
  jar?.take(answer.cookies);
  return answer;
}

/** What in `got` is not as `recorded`. What it learns of symbols is kept when nothing is wrong. */
function found(step, recorded, got, symbols) {
  const attempt = symbols.copy();
  const wrong = [...wrongStatus(recorded, got), ...wrongHeaders(recorded, got, attempt), ...wrongBody(step, recorded, got, attempt)];
  if (wrong.length === 0) symbols.learn(attempt);
  return wrong;
}

function wrongStatus(recorded, got) {
  return recorded.status === got.status ? [] : [`status ${got.status}, recorded ${recorded.status}`];
}

function wrongHeaders(recorded, got, symbols) {
  const wrong = [];
  for (const [name, value] of Object.entries(recorded.headers ?? {})) {
    if (name === "set-cookie") {
      const cookies = got.cookies.map(cookieShape).sort();
      if (JSON.stringify(cookies) !== JSON.stringify(value)) wrong.push(`set-cookie ${JSON.stringify(cookies)}, recorded ${JSON.stringify(value)}`);
      continue;
    }
    if (name === "content-type" && (recorded.body === "${any}" || recorded.body === "${text}")) continue;
    const header = name === "content-type" ? got.headers[name]?.split(";")[0] : got.headers[name];
    const good = value === null ? header === undefined : header !== undefined && (symbols.fits(value, header) || squeezed(value) === squeezed(header));
    if (!good) wrong.push(`${name}: ${header}, recorded ${symbols.fill(value)}`);
  }
  return wrong;
}

function squeezed(text) {
  return text.toLowerCase().replaceAll(" ", "");
}

function wrongBody(step, recorded, got, symbols) {
  const want = recorded.body;
  if (want === "${any}") return [];
  if (want === undefined) return got.text === "" ? [] : [`a body, recorded none: ${got.text.slice(0, 160)}`];
  if (typeof want === "string") return symbols.fits(want, got.text) ? [] : [`body ${got.text.slice(0, 160)}, recorded ${want}`];
  let body;
  try {
    body = JSON.parse(got.text);
  } catch {
    return [`no JSON: ${got.text.slice(0, 160)}`];
  }
  // Our answers may carry more than was recorded; errors may not, because clients check their members.
  const how = { symbols, lists: step.match, more: recorded.status < 400 };
  if (!step.request.path.startsWith("/api/") || !isEnvelope(want)) return differences(typed(want), typed(body), how);
  if (!isEnvelope(body)) return [`no envelope: ${got.text.slice(0, 160)}`];
  if ("json" in want !== "json" in body) return [`json is ${"json" in body ? "there" : "absent"}, recorded otherwise`];
  return differences(typed(want.json, want.meta), typed(body.json, body.meta), how);
}

function isEnvelope(body) {
  return body !== null && typeof body === "object" && !Array.isArray(body) && Object.keys(body).every((name) => name === "json" || name === "meta");
}
