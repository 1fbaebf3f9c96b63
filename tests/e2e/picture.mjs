// The README's picture of the systems page; taken with --screenshot FILE only, because a history worth a look takes half a minute.
import { Api } from "./lib/api.mjs";
import { carrySession, visitor } from "./lib/browser.mjs";
import { Program } from "./lib/program.mjs";
import { test } from "./lib/runner.mjs";
import { Target } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

test("the_picture_of_the_readme", async (context) => {
  const RUNS = 30;
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const targets = new Map();
  for (const name of ["Website", "Checkout", "Search", "Mail gateway"]) {
    const target = await new Target(context).up();
    targets.set(name, { target, system: await api.watch(name, target.url) });
  }
  const { target, system } = targets.get("Checkout");
  const runs = async () => (await api.call("healthcheck", "getHistory", { systemId: system.id, limit: 100, sortOrder: "desc" })).total;
  await until("a history", async () => (await runs()) >= RUNS, 60_000);
  await target.down();
  const { page, profile } = await visitor(context, program, { width: 1200, height: 520, deviceScaleFactor: 2 });
  await carrySession(profile, api);
  await page.goto("/");
  await page.getByTestId("bell-badge").filter({ hasText: /^1$/ }).waitFor();
  await page.getByTestId("system-row").first().getByText("Unhealthy", { exact: true }).waitFor();
  await page.screenshot({ path: context.options.screenshot, animations: "disabled" });
});
