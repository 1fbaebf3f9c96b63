import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let launched;
/** The one browser of the run. */
async function browser() {
  launched ??= chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS });
  return launched;
}
export async function closeBrowser() {
  if (launched !== undefined) await (await launched).close();
}

/**
 * A browser profile of its own at a server. Anything its pages complain about on the console, a refused script or style among it, is
 * collected in `complaints`; a failed test leaves a picture of each page.
 */
export async function visitor(context, program, { width = 1280, height = 860, colorScheme = "light", ...more } = {}) {
  const profile = await (await browser()).newContext({ baseURL: program.base, viewport: { width, height }, colorScheme, ...more });
  profile.setDefaultTimeout(20_000);
  const complaints = [];
  profile.on("page", (page) => {
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
  });
  context.onFailure(async () => {
    let number = 0;
    for (const page of profile.pages()) {
      const path = context.keep(`page${++number}.png`);
      if (path !== undefined) await page.screenshot({ path });
    }
  });
  context.after(() => profile.close());
  return { profile, complaints, page: await profile.newPage() };
}

/** Gives a profile the session of somebody who signed in over the wire. */
export async function carrySession(profile, api) {
  const at = api.cookie.indexOf("=");
  await profile.addCookies([{ name: api.cookie.slice(0, at), value: api.cookie.slice(at + 1), url: api.program.base, httpOnly: true, sameSite: "Lax" }]);
}

/** What axe-core finds wrong with the page as it is, a line a node; the size of targets (24 px) too, which it leaves out by itself. */
export async function violations(page) {
  // Half-way through an entrance animation colours are mixed with what is behind.
  await page.evaluate(() => {
    const ending = document.getAnimations().filter((each) => each.effect?.getComputedTiming().endTime !== Infinity);
    return Promise.all(ending.map((each) => each.finished.catch(() => undefined)));
  });
  const found = await page.evaluate(`${axeSource}; axe.run(document, { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } })`);
  return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}: ${node.failureSummary}`));
}

/** By how many pixels the page is wider than its window. */
export async function sidewaysScroll(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
