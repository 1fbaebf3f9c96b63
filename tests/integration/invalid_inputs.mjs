// Inputs made to be wrong, for every procedure there is: each is refused with an issue at the place that is wrong, and none is a fault.
import assert from "node:assert/strict";
import { Api } from "../e2e/lib/api.mjs";
import { Program, runProgram } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { example, invalidInputs, metaOf } from "./lib/schema_cases.mjs";

const AT_ONCE = 16;
/** What may be tried with an input that is good: it changes nothing. */
const HARMLESS = /\.(get|list|search)/;

test("five_hundred_invalid_inputs_are_refused_where_they_are_wrong", async (context) => {
  const program = await new Program(context).start({ WATCHBELL_RATE_LIMIT_PRINCIPAL: "off", WATCHBELL_RATE_LIMIT_ADDRESS: "off" });
  const { cookie } = await new Api(program).onboard();
  const printed = await runProgram(context.options.program, ["contract", "openapi"]);
  const inputs = Object.entries(JSON.parse(printed.stdout).paths).flatMap(([path, verbs]) => Object.entries(verbs).map(([verb, operation]) => ({ path, verb, id: operation.operationId, input: inputOf(operation) })));

  const ask = async (path, method, body) => {
    const response = await fetch(program.base + path, { method, headers: { cookie, "content-type": "application/json" }, body: JSON.stringify(body) });
    return { status: response.status, text: await response.text() };
  };

  const cases = [];
  for (const { path, verb, id, input } of inputs) {
    if (input === undefined) continue;
    const before = cases.length;
    for (const { what, value, at, meta, plain } of invalidInputs(input)) {
      cases.push({ name: `${id} ${what}`, at, path: path.replace("/rest/", "/api/"), method: "POST", body: { json: value, meta } });
      if (plain && verb !== "get") cases.push({ name: `REST ${id} ${what}`, at, path, method: verb.toUpperCase(), body: value });
    }
    assert.ok(cases.length > before, `${id} has an input that nothing breaks`);
  }
  assert.ok(cases.length >= 500, `only ${cases.length} cases`);

  const problems = [];
  for (let i = 0; i < cases.length; i += AT_ONCE) {
    await Promise.all(
      cases.slice(i, i + AT_ONCE).map(async ({ name, at, path, method, body }) => {
        const { status, text } = await ask(path, method, body);
        const error = parsed(text);
        const paths = (error?.data?.issues ?? []).map((issue) => JSON.stringify(issue.path));
        // One place is wrong, so there are issues there, and nowhere else.
        const good = status === 400 && error.code === "BAD_REQUEST" && paths.length > 0 && paths.every((each) => each === JSON.stringify(at));
        if (!good) problems.push(`${name}: expected an issue at ${JSON.stringify(at)}, got ${status} ${text.slice(0, 300)} to ${JSON.stringify(body).slice(0, 300)}`);
      }),
    );
  }
  console.log(`invalid inputs: ${cases.length} over ${inputs.filter(({ input }) => input !== undefined).length} procedures`);
  assert.equal(problems.length, 0, `${problems.length} of ${cases.length}:\n${problems.slice(0, 30).join("\n")}`);

  // What the cases were made from is good: it has no issues of its own.
  for (const { path, id, input } of inputs) {
    if (input === undefined || !HARMLESS.test(id)) continue;
    const value = example(input);
    const { status, text } = await ask(path.replace("/rest/", "/api/"), "POST", { json: value, meta: metaOf(input, value) });
    assert.notEqual(status, 500, `${id}: ${text}`);
    assert.equal(parsed(text)?.data?.issues, undefined, `${id}: ${text}`);
  }
});

/** The schema of an operation's input, however it is sent. */
function inputOf(operation) {
  const parameters = (operation.parameters ?? []).filter((each) => each.in === "query");
  if (parameters.length === 0) return operation.requestBody?.content["application/json"].schema;
  return { type: "object", properties: Object.fromEntries(parameters.map(({ name, schema }) => [name, schema])), required: parameters.filter(({ required }) => required).map(({ name }) => name) };
}

/** The error in a body, of either wire. */
function parsed(text) {
  const body = text === "" ? undefined : JSON.parse(text);
  return body?.json ?? body;
}
