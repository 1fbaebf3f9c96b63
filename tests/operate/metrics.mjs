// Every series that the alert rules and the dashboard name is one that the program exports, with the labels they select by.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { Api } from "../e2e/lib/api.mjs";
import { freePort } from "../e2e/lib/port.mjs";
import { Program } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";
import { Sink } from "../e2e/lib/sink.mjs";
import { until } from "../e2e/lib/wait.mjs";

const packaging = new URL("../../packaging/", import.meta.url);
const rules = parse(readFileSync(new URL("prometheus/watchbell.rules.yml", packaging), "utf8")).groups.flatMap(({ rules: each }) => each);
const dashboard = JSON.parse(readFileSync(new URL("grafana/watchbell.json", packaging), "utf8"));
const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]).filter(({ targets }) => targets !== undefined);

/** The series an expression names: `{name, labels: [[label, value]]}`, each label that is selected by with its value, or without when it is no plain one. */
function seriesOf(expression) {
  return [...expression.matchAll(/(watchbell_[a-z_]+)(?:\{([^}]*)\})?/g)].map(([, name, selectors]) => ({
    name,
    labels: [...(selectors ?? "").matchAll(/([a-z_]+)\s*(=~|!=|!~|=)\s*"([^"]*)"/g)].map(([, label, operator, value]) => [label, operator === "=" && !value.includes("$") ? value : undefined]),
  }));
}
/** What Prometheus itself puts on every series. */
const ITS_OWN = new Set(["job", "instance"]);

/** The families a used program exports: name -> {type, labels: Map of label -> values}. */
async function exported(context) {
  const listen = `127.0.0.1:${await freePort()}`;
  const program = await new Program(context).start({ WATCHBELL_METRICS_LISTEN: listen, WATCHBELL_RATE_LIMIT_SIGN_IN: "1/1s" });
  const api = await new Api(program).onboard();
  await Promise.allSettled([1, 2, 3].map(() => new Api(program).signIn({ email: "nobody@example.com", password: "wrong" })));
  const sink = await new Sink(context, "0123456789abcdef").up();
  await api.useWebhook(sink.url, sink.secret);
  const system = await api.call("catalog", "createSystem", { name: "Shop" });
  await api.call("catalog", "getSystems");
  await api.call("catalog", "getSystems");
  await api.call("catalog", "deleteSystem", system.id);
  const { id } = await api.call("auth", "getCurrentUserProfile");
  await api.call("notification", "notifyUsers", { userIds: [id], title: "Deployed", body: "Version 2 is out", importance: "info" });
  await until("the webhook", () => sink.posts.length === 1);
  const text = await (await fetch(`http://${listen}/metrics`)).text();
  const families = new Map();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) families.set(name, { type, labels: new Map() });
  for (const [, series, labels] of text.matchAll(/^(watchbell_[a-z_]+)(?:\{(.*)\})? \S+$/gm)) {
    const family = families.get(series) ?? families.get(series.replace(/_(bucket|sum|count)$/, ""));
    for (const [, label, value] of (labels ?? "").matchAll(/([a-z_]+)="([^"]*)"/g)) family.labels.set(label, (family.labels.get(label) ?? new Set()).add(value));
  }
  return families;
}

/** Labels whose values come up only when something is wrong; they are those of the program's own list all the same. */
const header = readFileSync(new URL("../../src/runtime/probes/metrics.hpp", import.meta.url), "utf8");

test("every_metric_of_the_rules_and_the_dashboard_is_exported", async (context) => {
  const families = await exported(context);
  assert.ok(families.size > 20, `${families.size} families`);
  const expressions = [...rules.map(({ expr }) => expr), ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))];
  const wrong = [];
  let seen = 0;
  for (const expression of expressions) {
    for (const { name, labels } of seriesOf(expression)) {
      ++seen;
      const histogram = /_(bucket|sum|count)$/.test(name) ? families.get(name.replace(/_(bucket|sum|count)$/, "")) : undefined;
      const family = histogram?.type === "histogram" ? histogram : families.get(name);
      if (family === undefined) wrong.push(`${name} is not exported`);
      else if (histogram === undefined && family.type === "histogram") wrong.push(`${name} is a histogram and has no value of its own`);
      else if (family.labels.size > 0)
        for (const [label, value] of labels) {
          if (ITS_OWN.has(label) || label === "le") continue;
          if (!family.labels.has(label)) wrong.push(`${name} has no label ${label}`);
          else if (value !== undefined && !family.labels.get(label).has(value) && !header.includes(`"${value}"`)) wrong.push(`${label} of ${name} is never ${value}`);
        }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(seen > 30, `${seen} series`);
});

test("every_alert_says_what_is_wrong_and_has_a_test", async () => {
  const tested = readFileSync(new URL("rules_test.yml", import.meta.url), "utf8");
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity, /^(critical|warning)$/, alert);
    assert.ok(annotations.summary.length > 30, alert);
    assert.ok(tested.includes(`alertname="${alert}", instance=`), `${alert} has no test`);
  }
});

test("every_panel_of_the_dashboard_has_a_title_a_place_and_expressions", async () => {
  const ids = new Set();
  for (const panel of panels) {
    assert.ok(panel.title.length > 1);
    assert.ok(!ids.has(panel.id), `two panels are ${panel.id}`);
    ids.add(panel.id);
    const { x, y, w, h } = panel.gridPos;
    assert.ok(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 24, panel.title);
    for (const { expr, refId } of panel.targets) {
      assert.ok(refId.length > 0);
      assert.equal((expr.match(/[({[]/g) ?? []).length, (expr.match(/[)}\]]/g) ?? []).length, expr);
    }
  }
  assert.ok(panels.length >= 10);
});
