// docs/operate names settings, commands, files and records that there are.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { runProgram } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";

const folder = new URL("../../docs/operate/", import.meta.url);
const pages = readdirSync(folder).map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") }));
/** Set by whoever runs the commands of these pages, not read by the program. */
const NO_SETTINGS = new Set(["WATCHBELL_API_KEY"]);

test("every_setting_that_is_named_is_one", async (context) => {
  const { stdout } = await runProgram(context.options.program, ["config", "reference"]);
  const known = new Set([...stdout.matchAll(/^\| `(WATCHBELL_\w+)` \| (?:`(\w+)`)?/gm)].flatMap(([, variable, name]) => [variable, name]));
  assert.ok(known.size > 80, `${known.size} settings`);
  for (const { name, text } of pages) {
    for (const [variable] of text.matchAll(/\bWATCHBELL_[A-Z_]+[A-Z]\b/g)) assert.ok(known.has(variable) || NO_SETTINGS.has(variable), `${name}: ${variable}`);
    for (const [, setting] of text.matchAll(/^([a-z_]+) = .*$/gm)) assert.ok(known.has(setting), `${name}: ${setting}`);
  }
});

test("every_command_that_is_named_is_one", async (context) => {
  const known = new Set();
  for (const { name, text } of pages) {
    for (const [, words] of text.matchAll(/\bwatchbell ((?:(?:admin|apikey|backup|config|contract|keys|migrate-to|notify|restore|serve|version)\b)(?: (?:check|show|reference|create|reset|list|revoke|rotate|reencrypt|openapi|typescript)\b)?)/g)) {
      if (known.has(words)) continue;
      known.add(words);
      const { code, stderr } = await runProgram(context.options.program, [...words.split(" "), "--help"]);
      assert.equal(code, 0, `${name}: watchbell ${words}: ${stderr}`);
    }
  }
  assert.ok(known.size >= 5, [...known].join(", "));
});

test("every_link_and_every_record_leads_somewhere", async () => {
  const root = new URL("../../", import.meta.url);
  let records = 0;
  for (const { name, text } of pages) {
    for (const [, to] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) if (!/^https?:/.test(to)) assert.ok(existsSync(new URL(to, new URL(name, folder))), `${name}: ${to}`);
    for (const [record] of text.matchAll(/\b20\d\d-\d\d-\d\d-[0-9a-f]{8}-[a-z0-9-]+\b/g)) {
      ++records;
      assert.ok(existsSync(new URL(`bench/records/${record}.json`, root)), `${name}: ${record}`);
    }
  }
  assert.ok(records > 3);
});
