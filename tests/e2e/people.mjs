// Who may sign in and do what, as the people concerned see it: users, roles, API keys, sessions, passwords and the second factor.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { ADMIN, Api, Refusal } from "./lib/api.mjs";
import { carrySession, sidewaysScroll, violations, visitor } from "./lib/browser.mjs";
import { Program } from "./lib/program.mjs";
import { test } from "./lib/runner.mjs";
import { Sink } from "./lib/sink.mjs";
import { until } from "./lib/wait.mjs";

const BEN = { name: "Ben Operator", email: "ben@example.com", password: "Tower-2-chimes" };

/** A server with its administrator, whose browser is at a page of it. */
async function administrated(context, look) {
  const program = await new Program(context).start();
  const api = await new Api(program).onboard();
  const { page, profile, complaints } = await visitor(context, program, look);
  await carrySession(profile, api);
  return { program, api, page, profile, complaints };
}

async function signIn(page, { email, password }) {
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The status of a refused call, or 200. */
async function statusOf(call) {
  try {
    await call;
    return 200;
  } catch (error) {
    if (error instanceof Refusal) return error.status;
    throw error;
  }
}

test("a_user_gets_a_role_uses_it_and_loses_it_at_once", async (context) => {
  const { program, api, page, complaints } = await administrated(context);
  await page.goto("/administration/roles");
  await page.getByRole("link", { name: "Add role" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Operators");
  // A rule is told by its sentence; its id stands below.
  for (const rule of ["catalog.system.manage", "healthcheck.healthcheck.manage"]) await page.getByText(rule, { exact: true }).locator("xpath=preceding-sibling::label").click();
  await page.getByRole("button", { name: "Add role" }).click();
  await page.getByRole("link", { name: "Operators" }).waitFor();

  await page.getByRole("navigation", { name: "Parts of the administration" }).getByRole("link", { name: "Users" }).click();
  await page.getByRole("button", { name: "Add user" }).click();
  const form = page.getByRole("dialog", { name: "Add user" });
  await form.getByLabel("Name").fill(BEN.name);
  await form.getByLabel("Email").fill(BEN.email);
  await form.getByLabel("First password").fill(BEN.password);
  await form.getByRole("button", { name: "Add user" }).click();
  await page.getByText(`${BEN.name} may sign in.`).waitFor();

  const ben = await visitor(context, program);
  await signIn(ben.page, BEN);
  await ben.page.getByText("No systems yet").waitFor();
  assert.equal(await ben.page.getByRole("link", { name: "Add system" }).count(), 0);

  await page.getByRole("button", { name: `Roles of ${BEN.name}` }).click();
  await page.getByRole("dialog").getByLabel("Operators").check();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByTestId("user-row").filter({ hasText: "Operators" }).waitFor();
  await ben.page.reload();
  await ben.page.getByRole("link", { name: "Add system" }).waitFor();

  // Taken away, it is refused with the next thing Ben does, though his page still offers it.
  await page.getByRole("button", { name: `Roles of ${BEN.name}` }).click();
  await page.getByRole("dialog").getByLabel("Operators").uncheck();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await ben.page.getByRole("link", { name: "Add system" }).click();
  await ben.page.getByLabel("Name").fill("Shop");
  await ben.page.getByLabel("URL").fill("http://127.0.0.1:9/");
  await ben.page.getByRole("button", { name: "Add system" }).click();
  await ben.page.getByText("You may not do this.").waitFor();
  assert.deepEqual((await api.call("catalog", "getSystems")).systems, []);

  await page.getByRole("navigation", { name: "Parts of the administration" }).getByRole("link", { name: "Audit log" }).click();
  await page.getByTestId("audit-row").filter({ hasText: BEN.name }).first().waitFor();
  assert.deepEqual(complaints, []);
});

test("a_user_who_is_deleted_is_out_at_once", async (context) => {
  const { program, api, page, complaints } = await administrated(context);
  await api.call("auth", "createCredentialUser", BEN);
  const ben = await visitor(context, program);
  await signIn(ben.page, BEN);
  await ben.page.getByRole("heading", { name: "Systems", level: 1 }).waitFor();
  await page.goto("/administration/users");
  await page.getByRole("button", { name: `Delete ${BEN.name}` }).click();
  await page.getByRole("button", { name: "Delete user" }).click();
  await page.getByText(`${BEN.name} was deleted.`).waitFor();
  // Nothing is pressed there: the page hears of it.
  await ben.page.getByRole("button", { name: "Sign in" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("a_key_opens_what_its_roles_allow_until_it_is_revoked", async (context) => {
  const { program, page, complaints } = await administrated(context);
  await page.goto("/administration/keys");
  await page.getByText("No API keys yet").waitFor();
  await page.getByRole("button", { name: "Add key" }).click();
  const form = page.getByRole("dialog", { name: "Add key" });
  await form.getByLabel("Name").fill("Build");
  await form.getByRole("button", { name: "Add key" }).click();
  const secret = await page.getByLabel("Key", { exact: true }).inputValue();
  assert.match(secret, /^ck_[0-9a-f-]{36}_[A-Za-z0-9]{32}$/);
  await page.getByRole("button", { name: "I have copied it" }).click();

  const build = new Api(program, { bearer: secret });
  const create = () => statusOf(build.call("catalog", "createSystem", { name: "Shop" }));
  assert.equal(await create(), 403);
  await page.getByRole("button", { name: "Edit Build" }).click();
  await page.getByRole("dialog").getByLabel("Administrators").check();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await create(), 200);
  await page.getByRole("button", { name: "Revoke Build" }).click();
  await page.getByRole("button", { name: "Revoke key" }).click();
  await page.getByText("Build was revoked.").waitFor();
  assert.equal(await create(), 401);
  assert.deepEqual(complaints, []);
});

test("a_key_is_held_to_the_limit_it_is_given_in_the_page", async (context) => {
  const { program, page, complaints } = await administrated(context);
  await page.goto("/administration/keys");
  await page.getByRole("button", { name: "Add key" }).click();
  const form = page.getByRole("dialog", { name: "Add key" });
  await form.getByLabel("Name").fill("Build");
  await form.getByLabel("Requests a second").fill("1");
  await form.getByLabel("At once").fill("3");
  await form.getByRole("button", { name: "Add key" }).click();
  const build = new Api(program, { bearer: await page.getByLabel("Key", { exact: true }).inputValue() });
  await page.getByRole("button", { name: "I have copied it" }).click();
  await page.getByText("At most one request a second, 3 at once").waitFor();
  // At once, so that nothing comes back meanwhile.
  const answers = () => Promise.all(Array.from({ length: 20 }, () => statusOf(build.call("catalog", "getSystems"))));
  assert.deepEqual([...new Set(await answers())].sort(), [200, 429]);

  await page.getByRole("button", { name: "Edit Build" }).click();
  for (const part of ["Requests a second", "At once"]) await page.getByRole("dialog").getByLabel(part).fill("");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByText("At most one request a second, 3 at once").waitFor({ state: "detached" });
  await until("the limit to be everybody's", async () => (await answers()).every((status) => status === 200));
  assert.deepEqual(complaints, []);
});

test("a_session_is_ended_from_another_one", async (context) => {
  const { program, page, complaints } = await administrated(context);
  const other = await visitor(context, program);
  await signIn(other.page, ADMIN);
  await other.page.getByRole("heading", { name: "Systems", level: 1 }).waitFor();
  await page.goto("/settings/sessions");
  // The one made over the wire, whose cookie this browser carries, and the other browser's.
  await page.getByTestId("session-row").filter({ hasText: "this one" }).waitFor();
  await page.getByRole("button", { name: "End all others" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End all others" }).click();
  await page.getByText("All other sessions have ended.").waitFor();
  // Nothing is pressed there: the page hears of it.
  await other.page.getByRole("button", { name: "Sign in" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("a_changed_password_opens_and_the_old_one_does_not", async (context) => {
  const { program, page, complaints } = await administrated(context);
  await page.goto("/settings/account");
  const section = page.getByRole("region", { name: "Password" });
  await section.getByLabel("Current password", { exact: true }).fill(ADMIN.password);
  await section.getByLabel("New password", { exact: true }).fill("Carillon-7-plays");
  await section.getByRole("button", { name: "Change password" }).click();
  await page.getByText(/Other sessions have ended/).waitFor();
  assert.deepEqual(complaints, []);
  assert.equal(await statusOf(new Api(program).signIn(ADMIN)), 401);
  assert.equal(await statusOf(new Api(program).signIn({ ...ADMIN, password: "Carillon-7-plays" })), 200);
});

test("a_forgotten_password_is_replaced_over_a_link_in_a_channel", async (context) => {
  const sink = await new Sink(context, "s").up();
  const { program, api } = await administrated(context);
  await api.useWebhook(sink.url, "s");
  const stranger = await visitor(context, program);
  await stranger.page.goto("/sign-in");
  await stranger.page.getByRole("link", { name: "Forgot your password?" }).click();
  await stranger.page.getByLabel("Email").fill(ADMIN.email);
  await stranger.page.getByRole("button", { name: "Send the link" }).click();
  await stranger.page.getByText(/If there is an account/).waitFor();
  const [post] = await until("the message with the link", () => sink.posts.length > 0 && sink.posts);
  const [link] = /https?:[^\s"]*\/auth\/reset-password\?token=[A-Za-z0-9]+/.exec(post.raw.toString().replaceAll("\\/", "/"));
  await stranger.page.goto(link);
  await stranger.page.getByLabel("New password", { exact: true }).fill("Carillon-7-plays");
  await stranger.page.getByRole("button", { name: "Set the password" }).click();
  await stranger.page.getByText("Your password is set. Sign in with it.").waitFor();
  await signIn(stranger.page, { email: ADMIN.email, password: "Carillon-7-plays" });
  await stranger.page.getByText("Watch your first system").waitFor();
  // It worked once.
  const again = await visitor(context, program);
  await again.page.goto(link);
  await again.page.getByText("This link no longer works").waitFor();
  assert.deepEqual([...stranger.complaints, ...again.complaints], []);
});

/** The code an authenticator app shows for a secret (RFC 6238, SHA-1, 30 s, six digits), `steps` from now. */
function codeOf(secret, steps = 0) {
  const bits = [...secret.replace(/=+$/, "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const digest = createHmac("sha1", key).update(counter).digest();
  return String((digest.readUInt32BE(digest[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("a_second_factor_is_asked_for_and_replaced_by_a_recovery_code", async (context) => {
  const { program, page, complaints } = await administrated(context);
  await page.goto("/settings/account");
  const section = page.getByRole("region", { name: "Second factor" });
  await section.getByRole("button", { name: "Turn on" }).click();
  await page.getByRole("dialog").getByLabel("Password", { exact: true }).fill(ADMIN.password);
  await page.getByRole("dialog").getByRole("button", { name: "Continue" }).click();
  await section.getByRole("img", { name: /QR code/ }).waitFor();
  assert.deepEqual(await violations(page), []);
  const secret = await section.getByLabel(/Secret, for an app/).inputValue();
  await section.getByLabel("Code", { exact: true }).fill(codeOf(secret));
  await section.getByRole("button", { name: "Confirm" }).click();
  const recovery = await section.getByRole("list", { name: "Recovery codes" }).getByRole("listitem").first().textContent();
  await section.getByRole("button", { name: "I have kept them" }).click();
  await section.getByText("A code is asked at every sign-in.").waitFor();
  assert.deepEqual(complaints, []);

  const app = await visitor(context, program);
  await signIn(app.page, ADMIN);
  // A code is used up by its step, so that the next one's is what the app shows after the first.
  await app.page.getByLabel("Code", { exact: true }).fill(codeOf(secret, 1));
  await app.page.getByRole("button", { name: "Sign in" }).click();
  await app.page.getByText("Watch your first system").waitFor();

  const lost = await visitor(context, program);
  await signIn(lost.page, ADMIN);
  await lost.page.getByRole("button", { name: "Use a recovery code" }).click();
  await lost.page.getByLabel("Recovery code").fill(recovery);
  await lost.page.getByRole("button", { name: "Sign in" }).click();
  await lost.page.getByText("Watch your first system").waitFor();
});

test("registration_is_open_until_it_is_closed", async (context) => {
  const { program, api, page, complaints } = await administrated(context);
  await api.call("auth", "setRegistrationStatus", { allowRegistration: true });
  const ben = await visitor(context, program);
  await ben.page.goto("/sign-in");
  await ben.page.getByRole("link", { name: "Create an account" }).click();
  await ben.page.getByLabel("Name").fill(BEN.name);
  await ben.page.getByLabel("Email").fill(BEN.email);
  await ben.page.getByLabel("Password", { exact: true }).fill(BEN.password);
  await ben.page.getByRole("button", { name: "Create account" }).click();
  await ben.page.getByText("No systems yet").waitFor();

  await page.goto("/administration/users");
  await page.getByRole("switch", { name: "Anybody may create an account" }).click();
  await until("registration to be closed", async () => !(await api.call("auth", "getRegistrationStatus")).allowRegistration);
  const late = await visitor(context, program);
  await late.page.goto("/sign-up");
  await late.page.getByText("Accounts are made by the administrators here.").waitFor();
  assert.deepEqual([...complaints, ...ben.complaints, ...late.complaints], []);
});

test("groups_and_contacts_are_arranged_in_the_page", async (context) => {
  const { api, page, complaints } = await administrated(context);
  const system = await api.call("catalog", "createSystem", { name: "Shop" });
  await page.goto("/administration/catalog");
  await page.getByRole("button", { name: "Add group" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Customers");
  await page.getByRole("dialog").getByRole("button", { name: "Add group" }).click();
  await page.getByRole("combobox", { name: "Put a system into Customers" }).selectOption("Shop");
  await page.getByRole("button", { name: "Add to Customers" }).click();
  await page.getByRole("list", { name: "Systems in Customers" }).getByRole("link", { name: "Shop" }).click();
  await page.getByRole("region", { name: "About" }).getByText("Customers").waitFor();
  await page.getByRole("button", { name: "Add contact" }).click();
  await page.getByRole("dialog").getByLabel("Email").fill("oncall@example.com");
  await page.getByRole("dialog").getByRole("button", { name: "Add contact" }).click();
  await page.getByTestId("contact-row").filter({ hasText: "oncall@example.com" }).waitFor();
  assert.deepEqual((await api.call("catalog", "getSystemContacts", { systemId: system.id })).map(({ email }) => email), ["oncall@example.com"]);
  assert.deepEqual(complaints, []);
});

test("views_and_the_palette_lead_to_what_they_name", async (context) => {
  const { api, page, complaints } = await administrated(context);
  for (const name of ["Shop", "Mail"]) await api.call("catalog", "createSystem", { name });
  await page.goto("/?q=sh");
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByLabel("Keep what is shown as").fill("Shops");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Shops was kept.").waitFor();

  await page.goto("/");
  await page.getByTestId("system-row").nth(1).waitFor();
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("link", { name: "Shops" }).click();
  await until("the view in the address", () => new URL(page.url()).search === "?q=sh");
  await until("the list to be narrowed", async () => (await page.getByTestId("system-row").count()) === 1);
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("button", { name: "Delete the view Shops" }).click();
  await page.getByRole("button", { name: "Delete view" }).click();
  await page.getByText("No views yet").waitFor();
  await page.keyboard.press("Escape");

  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Find a system or something to do" }).fill("mai");
  await page.getByRole("option", { name: /Mail/ }).waitFor();
  await until("Mail alone to be offered", async () => (await page.getByRole("option").count()) === 1);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Mail", level: 1 }).waitFor();
  assert.deepEqual(complaints, []);
});

test("the_theme_follows_its_reader", async (context) => {
  const { program, api, page, complaints } = await administrated(context);
  await page.goto("/settings");
  await page.getByText("Dark", { exact: true }).click();
  await until("the theme to be kept", async () => (await api.call("theme", "getTheme")).theme === "dark");
  const other = await visitor(context, program);
  await signIn(other.page, ADMIN);
  await until("the dark page", () => other.page.evaluate(() => document.documentElement.dataset.theme === "dark"));
  assert.deepEqual(complaints, []);
});

const PAGES = [
  { path: "/administration/catalog", drawn: (page) => page.getByTestId("group-row") },
  { path: "/administration/users", drawn: (page) => page.getByTestId("user-row").nth(1) },
  { path: "/administration/roles", drawn: (page) => page.getByTestId("role-row").nth(3) },
  { path: "/administration/roles/new", drawn: (page) => page.getByRole("checkbox").first() },
  { path: "/administration/roles/admin", drawn: (page) => page.getByRole("checkbox").first() },
  { path: "/administration/keys", drawn: (page) => page.getByTestId("key-row") },
  { path: "/administration/audit", drawn: (page) => page.getByTestId("audit-row").first() },
  { path: "/settings/account", drawn: (page) => page.getByLabel("Name") },
  { path: "/settings/sessions", drawn: (page) => page.getByTestId("session-row").first() },
];
const STRANGERS_PAGES = [
  { path: "/forgot-password", drawn: (page) => page.getByLabel("Email") },
  { path: "/reset-password?token=nothing", drawn: (page) => page.getByText("This link no longer works") },
  { path: "/sign-up", drawn: (page) => page.getByRole("heading", { name: "Create an account" }) },
];

for (const look of [{}, { colorScheme: "dark" }, { width: 390, height: 844 }, { width: 390, height: 844, colorScheme: "dark" }]) {
  test(`the_pages_of_people_are_accessible_and_fit_${look.width === undefined ? "wide" : "narrow"}_and_${look.colorScheme ?? "light"}`, async (context) => {
    const program = await new Program(context).start();
    const api = await new Api(program).onboard();
    await api.call("auth", "createCredentialUser", { ...BEN, name: "Benjamin the Operator with quite a long name, for the sake of narrow windows" });
    await api.call("auth", "createApplication", { name: "Build", description: "Sends a notification when a deploy ends" });
    const system = await api.call("catalog", "createSystem", { name: "A search engine with quite a long name, for the sake of narrow windows" });
    const group = await api.call("catalog", "createGroup", { name: "Customers" });
    await api.call("catalog", "addSystemToGroup", { groupId: group.id, systemId: system.id });
    const { page, profile, complaints } = await visitor(context, program, look);
    const problems = [];
    const judge = async (what) => {
      problems.push(...(await violations(page)).map((each) => `${what}: ${each}`));
      const wide = await sidewaysScroll(page);
      if (wide > 0) problems.push(`${what}: ${wide} px wider than its window`);
    };
    for (const { path, drawn } of STRANGERS_PAGES) {
      await page.goto(path);
      await drawn(page).waitFor();
      await judge(path);
    }
    await carrySession(profile, api);
    for (const { path, drawn } of PAGES) {
      await page.goto(path);
      await drawn(page).waitFor();
      await judge(path);
    }
    await page.goto("/administration/users");
    await page.getByRole("button", { name: /^Roles of Benjamin/ }).click();
    await page.getByRole("dialog").getByRole("checkbox").first().waitFor();
    await judge("the roles of a user");
    await page.keyboard.press("Escape");
    await page.goto("/administration/keys");
    await page.getByRole("button", { name: "Add key" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Add key" }).click();
    await page.getByText("Fill this in.").waitFor();
    await judge("a form with mistakes");
    assert.deepEqual(problems, []);
    assert.deepEqual(complaints, []);
  });
}
