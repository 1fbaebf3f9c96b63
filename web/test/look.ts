/**
 * Looks at the built app in a real browser over the fake server: `npm run build && npm run look -- FOLDER`. Writes a picture of each
 * page, wide and narrow, light and dark; fails on an axe-core violation, on anything the browser complains about (a refused style or
 * script among it), on a page wider than its window, and when the first page takes more than a second to be of use.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

const folder = process.argv[2] ?? join(tmpdir(), "watchbell-look");
const here = (path: string) => new URL(path, import.meta.url).pathname;
const axe = readFileSync(here("../node_modules/axe-core/axe.min.js"), "utf8");
const USABLE_MS = 1_000;
const problems: string[] = [];

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  await withServer(4181, ["--calm"], seeded);
  await withServer(4182, ["--calm", "--empty"], empty);
} finally {
  await browser.close();
}
for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? "nothing to complain about" : `${String(problems.length)} complaints`);
process.exit(problems.length === 0 ? 0 : 1);

async function seeded(base: string, browser: Browser): Promise<void> {
  for (const scheme of ["light", "dark"] as const) {
    for (const width of [1280, 390]) {
      const context = await browser.newContext({ viewport: { width, height: width === 390 ? 844 : 860 }, colorScheme: scheme, baseURL: base });
      const page = await context.newPage();
      watch(page);
      const shoot = (name: string) => picture(page, `${name}-${String(width)}-${scheme}`);

      await page.goto("/");
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      await shoot("sign-in");
      await page.goto("/forgot-password");
      await page.getByLabel("Email").waitFor();
      await shoot("forgot-password");
      await page.goto("/reset-password?token=old");
      await page.getByText("This link no longer works").waitFor();
      await shoot("reset-password");
      await page.goto("/sign-up");
      await page.getByLabel("Name").waitFor();
      await shoot("sign-up");
      await page.goto("/sign-in");
      await page.getByLabel("Email").fill("ada@example.com");
      await page.getByLabel("Password").fill("Secret123");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByTestId("system-row").first().waitFor();

      const began = performance.now();
      await page.goto("/");
      await page.getByTestId("system-row").first().waitFor();
      const took = performance.now() - began;
      console.log(`first page of use after ${took.toFixed(0)} ms (${String(width)} px, ${scheme})`);
      if (took > USABLE_MS) problems.push(`the first page took ${took.toFixed(0)} ms`);
      await shoot("systems");

      await page.getByTestId("bell-button").click();
      await page.getByRole("link", { name: "Open inbox" }).waitFor();
      await page.getByText("Deploy 2024.11 finished").waitFor();
      await shoot("bell");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Views" }).click();
      await page.getByRole("link", { name: "What fails" }).click();
      await page.getByRole("button", { name: "Views" }).click();
      await page.getByLabel("Keep what is shown as").waitFor();
      await shoot("dialog-views");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox").fill("s");
      await page.getByRole("option", { name: /Shop/ }).waitFor();
      await shoot("dialog-palette");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: /^All/ }).click();
      if (width === 390) {
        await page.getByRole("button", { name: "Open menu" }).click();
        await page.getByRole("link", { name: "Settings" }).waitFor();
        await shoot("menu");
        await page.keyboard.press("Escape");
      }

      await page.getByRole("link", { name: "Shop", exact: true }).click();
      await page.getByRole("heading", { name: "Recent runs" }).waitFor();
      await page.getByRole("table").waitFor();
      await shoot("system");
      await page.getByRole("button", { name: "Delete" }).click();
      await shoot("delete");
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "Edit", exact: true }).click();
      await page.getByLabel("URL").waitFor();
      await shoot("edit");

      await page.goto("/systems/new");
      await page.getByText("Advanced").click();
      await page.getByLabel("URL").fill("no address");
      await page.getByRole("button", { name: "Add system" }).click();
      await page.getByText("Fill this in.").waitFor();
      await shoot("add");

      await page.goto("/inbox");
      await page.getByTestId("inbox-row").first().waitFor();
      await page.getByText("Webhook: delivered").first().waitFor();
      await shoot("inbox");
      await page.keyboard.press("/");
      await page.keyboard.type("artifacts");
      await page.getByText("1 found").waitFor();
      await shoot("inbox-found");
      await page.keyboard.type("s".repeat(90));
      await page.getByText(/^No notification has/).waitFor();
      await shoot("inbox-none-found");
      await page.keyboard.press("Escape");
      await page.getByText("Webhook: delivered").first().waitFor();
      await page.getByRole("button", { name: /earlier$/ }).first().click();
      await page.keyboard.press("x");
      await page.getByTestId("inbox-row").first().getByRole("button", { name: "Mark as read" }).click();
      await page.getByRole("button", { name: "Undo" }).waitFor();
      await shoot("inbox-opened");
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
      await shoot("dialog-keys");
      await page.keyboard.press("Escape");
      await page.keyboard.press("u");
      await page.goto("/settings?error=denied");
      await page.getByLabel("URL").fill("https://hooks.example.com/1");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByTestId("channel-times").click();
      await page.getByLabel("Quiet hours").check();
      await page.getByLabel("Time zone").waitFor();
      await shoot("settings");
      await page.goto("/settings/account");
      await page.getByLabel("Name").waitFor();
      await shoot("account");
      await page.getByRole("button", { name: "Turn on" }).click();
      await page.getByRole("dialog").getByLabel("Password").fill("Secret123");
      await page.getByRole("dialog").getByRole("button", { name: "Continue" }).click();
      await page.getByRole("img", { name: /QR code/ }).waitFor();
      await shoot("second-factor");
      await page.goto("/settings/sessions");
      await page.getByTestId("session-row").first().waitFor();
      await shoot("sessions");
      await page.goto("/administration");
      await page.getByTestId("dead-letter").first().waitFor();
      await page.getByRole("switch", { name: "Allow Telegram" }).click();
      await page.getByRole("button", { name: "Send a test to yourself: Webhook" }).click();
      await page.getByText("The test was delivered.").waitFor();
      await page.getByRole("button", { name: "Send a test to yourself: Telegram" }).click();
      await page.getByRole("link", { name: "Set up Telegram for yourself" }).waitFor();
      await page.getByLabel("Settings of Telegram").click();
      await page.getByLabel("API address").fill("https://bots.example.com");
      await page.getByRole("button", { name: "Tries" }).first().click();
      await shoot("administration");
      await page.getByRole("switch", { name: "Allow Telegram" }).click();
      await page.goto("/administration/attempts");
      await page.getByTestId("attempt-row").first().waitFor();
      await shoot("attempts");
      await page.goto("/administration/catalog");
      await page.getByTestId("group-row").waitFor();
      await shoot("catalog");
      await page.goto("/administration/users");
      await page.getByTestId("user-row").nth(1).waitFor();
      await shoot("users");
      await page.getByRole("button", { name: "Roles of Benjamin Operator" }).click();
      await page.getByRole("dialog").getByRole("checkbox").first().waitFor();
      await shoot("dialog-roles");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Add user" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Add user" }).click();
      await page.getByText("Fill this in.").waitFor();
      await shoot("dialog-user");
      await page.goto("/administration/roles");
      await page.getByTestId("role-row").first().waitFor();
      await shoot("roles");
      await page.goto("/administration/roles/users");
      await page.getByRole("checkbox").first().waitFor();
      await shoot("role");
      await page.goto("/administration/keys");
      await page.getByTestId("key-row").first().waitFor();
      await shoot("keys");
      await page.getByRole("button", { name: "Edit Build" }).click();
      await page.getByLabel("Requests a second").waitFor();
      await shoot("dialog-key");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "New secret for Build" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "New secret" }).click();
      await page.getByLabel("Key", { exact: true }).waitFor();
      await shoot("dialog-secret");
      await page.goto("/administration/audit");
      await page.getByTestId("audit-row").first().waitFor();
      await shoot("audit");
      await page.goto("/nowhere");
      await page.getByRole("heading", { name: "Nothing is here" }).waitFor();
      await shoot("nowhere");
      await context.close();
    }
  }
}

async function empty(base: string, browser: Browser): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, baseURL: base });
  const page = await context.newPage();
  watch(page);
  await page.goto("/");
  await page.getByLabel("Name").waitFor();
  await picture(page, "onboarding-1280-light");
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password").fill("Secret123");
  await page.getByRole("button", { name: "Create administrator" }).click();
  await page.getByText("Watch your first system").waitFor();
  await picture(page, "empty-systems-1280-light");
  await page.getByRole("link", { name: "Inbox" }).click();
  await page.getByText("Your inbox is empty").waitFor();
  await picture(page, "empty-inbox-1280-light");
  await context.close();
}

async function picture(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(250); // the entrance animations, which would blur the picture and the contrast
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: !/bell|menu|delete|dialog/.test(name) });
  const found = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } })`);
  for (const violation of (found as { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }).violations) {
    for (const node of violation.nodes) problems.push(`${name}: ${violation.id}: ${node.html}\n    ${node.failureSummary.replaceAll("\n", "\n    ")}`);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) problems.push(`${name}: ${String(wide)} px wider than its window`);
}

function watch(page: Page): void {
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`page error: ${error.message}`));
}

async function withServer(port: number, options: string[], look: (base: string, browser: Browser) => Promise<void>): Promise<void> {
  const server = spawn(process.execPath, [here("fake/serve.ts"), "--port", String(port), ...options], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await new Promise<void>((resolve, reject) => {
      server.stdout.on("data", (text: Buffer) => {
        if (text.toString().includes("listening")) resolve();
      });
      server.on("exit", () => reject(new Error("the fake server ended")));
    });
    await look(`http://127.0.0.1:${String(port)}`, browser);
  } finally {
    server.kill();
  }
}
