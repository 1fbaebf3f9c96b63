// What is written and read in a run: registers of every domain that has cached reads, each with one writer, whose every write has a version of its own.
//
// A register is `{name, initial, thinkMs, write, read}`:
//   write(version, draw)  the next write: {value, attempt}; attempt(client, tries) makes the call, and may be made again when nobody knows what became of it
//   read(client, draw)    what the register holds, as told by a process: {value} or {not}, and `how` it was asked
import { randomUUID } from "node:crypto";
import { Refusal } from "./client.mjs";
import { pause, pick } from "./draw.mjs";

export const PASSWORD = "Bell-1-rings";
export const ADMIN = { name: "Ada Admin", email: "ada@example.com", password: PASSWORD };

/** Who plays: the administrator, and what makes further people. */
export class Cast {
  /** Onboards at a process. */
  static async make(client) {
    const cast = new Cast();
    cast.client = client;
    await client.call("auth/completeOnboarding", ADMIN);
    cast.admin = { cookie: await client.signIn(ADMIN.email, ADMIN.password) };
    return cast;
  }

  /** Asks as the administrator, until he is not told "not now": what is set up may collide. */
  async call(procedure, input) {
    for (let tries = 1; ; tries++) {
      try {
        return await this.client.call(procedure, input, this.admin);
      } catch (error) {
        if (!(error instanceof Refusal && error.passing) || tries === 20) throw error;
        await pause(50);
      }
    }
  }

  async person(name) {
    const email = `${name}@example.com`;
    const { userId } = await this.call("auth/createCredentialUser", { name, email, password: PASSWORD });
    return { id: userId, name, email, cookie: await this.client.signIn(email, PASSWORD) };
  }

  async role(name, accessRules) {
    await this.call("auth/createRole", { name, accessRules });
    return (await this.call("auth/getRoles")).find((role) => role.name === name).id;
  }
}


const byId = (list, id) => list.find((each) => each.id === id);
/** What was done already by an attempt whose answer was lost is refused when it is done again. */
const unlessDone = (tries, promise) =>
  promise.catch((error) => {
    if (!(tries > 1 && error instanceof Refusal && [404, 409].includes(error.status))) throw error;
  });

/** A system's description, read by three queries. */
async function system(cast, name) {
  const { id } = await cast.call("catalog/createSystem", { name, description: "0" });
  const ways = {
    getSystem: async (client) => (await client.call("catalog/getSystem", { systemId: id }, cast.admin)).description,
    getSystems: async (client) => byId((await client.call("catalog/getSystems", undefined, cast.admin)).systems, id)?.description,
    getEntities: async (client) => byId((await client.call("catalog/getEntities", undefined, cast.admin)).systems, id)?.description,
  };
  return {
    name,
    initial: "0",
    thinkMs: 250,
    write(version) {
      const description = String(version);
      return { value: description, attempt: (client) => client.call("catalog/updateSystem", { id, data: { description } }, cast.admin) };
    },
    async read(client, draw) {
      const how = pick(draw, Object.keys(ways));
      return { value: (await ways[how](client)) ?? null, how };
    },
  };
}

async function view(cast, name) {
  const { id } = await cast.call("catalog/createView", { name: "0", configuration: {} });
  return {
    name,
    initial: "0",
    thinkMs: 400,
    write(version) {
      const title = String(version);
      return { value: title, attempt: (client) => client.call("catalog/updateView", { id, data: { name: title } }, cast.admin) };
    },
    read: async (client) => ({ value: byId(await client.call("catalog/getViews", undefined, cast.admin), id)?.name ?? null }),
  };
}

/** Whether a system is in a group. */
async function membership(cast, name) {
  const { id: systemId } = await cast.call("catalog/createSystem", { name });
  const { id: groupId } = await cast.call("catalog/createGroup", { name });
  return {
    name,
    initial: false,
    thinkMs: 400,
    write(version) {
      const value = version % 2 === 1;
      const procedure = value ? "catalog/addSystemToGroup" : "catalog/removeSystemFromGroup";
      return { value, attempt: (client, tries) => unlessDone(tries, client.call(procedure, { groupId, systemId }, cast.admin)) };
    },
    read: async (client) => ({ value: byId(await client.call("catalog/getGroups", undefined, cast.admin), groupId)?.systemIds.includes(systemId) ?? null }),
  };
}

/** How many notifications somebody got, none of which he reads. */
async function inbox(cast, name) {
  const person = await cast.person(name);
  return {
    name,
    initial: 0,
    thinkMs: 350,
    write(version) {
      const input = { userIds: [person.id], title: String(version), body: "x", idempotencyKey: `${name}-${version}` };
      return { value: version, attempt: (client) => client.call("notification/notifyUsers", input, cast.admin) };
    },
    async read(client, draw) {
      const how = pick(draw, ["getUnreadCount", "getNotifications", "total"]);
      if (how === "getUnreadCount") return { value: (await client.call("notification/getUnreadCount", undefined, person)).count, how };
      const { notifications, total } = await client.call("notification/getNotifications", { limit: 1 }, person);
      return { value: how === "total" ? total : Number(notifications[0]?.title ?? 0), how };
    },
  };
}

/** How many of the notifications he has somebody read, one after the other. */
async function marks(cast, name, { most }) {
  const person = await cast.person(name);
  const send = (i) => cast.call("notification/notifyUsers", { userIds: [person.id], title: String(i), body: "x" });
  let next = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (next < most) await send(next++);
  }));
  const ids = [];
  while (ids.length < most) {
    const { notifications } = await cast.client.call("notification/getNotifications", { limit: 100, offset: ids.length }, person);
    ids.push(...notifications.map(({ id }) => id));
  }
  return {
    name,
    initial: 0,
    thinkMs: 350,
    write(version) {
      if (version > most) return undefined; // everything is read
      return { value: version, attempt: (client) => client.call("notification/markAsRead", { notificationId: ids[version - 1] }, person) };
    },
    async read(client, draw) {
      const how = pick(draw, ["getUnreadCount", "unreadOnly"]);
      if (how === "getUnreadCount") return { value: most - (await client.call("notification/getUnreadCount", undefined, person)).count, how };
      return { value: most - (await client.call("notification/getNotifications", { limit: 1, unreadOnly: true }, person)).total, how };
    },
  };
}

async function subscription(cast, name) {
  const person = await cast.person(name);
  const { id } = await cast.call("catalog/createSystem", { name });
  const groupId = `catalog.system.${id}`;
  return {
    name,
    initial: false,
    thinkMs: 400,
    write(version) {
      const value = version % 2 === 1;
      return { value, attempt: (client) => client.call(`notification/${value ? "subscribe" : "unsubscribe"}`, { groupId }, person) };
    },
    read: async (client) => ({ value: (await client.call("notification/getSubscriptions", undefined, person)).some((each) => each.groupId === groupId) }),
  };
}

async function theme(cast, name) {
  const THEMES = ["system", "light", "dark"];
  const person = await cast.person(name);
  return {
    name,
    initial: (await cast.client.call("theme/getTheme", undefined, person)).theme,
    thinkMs: 300,
    write(version) {
      const value = THEMES[version % 3];
      return { value, attempt: (client) => client.call("theme/setTheme", { theme: value }, person) };
    },
    read: async (client) => ({ value: (await client.call("theme/getTheme", undefined, person)).theme }),
  };
}

async function profile(cast, name) {
  const person = await cast.person(name);
  return {
    name,
    initial: name,
    thinkMs: 500,
    write(version) {
      const called = `${name} ${version}`;
      return { value: called, attempt: (client) => client.call("auth/updateCurrentUser", { name: called }, person) };
    },
    async read(client, draw) {
      const how = pick(draw, ["getCurrentUserProfile", "getUsers"]);
      if (how === "getCurrentUserProfile") return { value: (await client.call("auth/getCurrentUserProfile", undefined, person)).name, how };
      return { value: byId(await client.call("auth/getUsers", undefined, cast.admin), person.id)?.name ?? null, how };
    },
  };
}

const RULES = ["auth.audit.read", "auth.roles.read", "auth.users.read", "cache.settings.read", "healthcheck.healthcheck.read", "notification.notification.send"];

/** The rules of a role, as somebody who has it is told what he may. */
async function rules(cast, name) {
  const person = await cast.person(name);
  const id = await cast.role(name, []);
  await cast.call("auth/updateUserRoles", { userId: person.id, roles: [id] });
  const chosen = (version) => RULES.filter((_, bit) => (version >> bit) & 1);
  return {
    name,
    initial: [],
    thinkMs: 400,
    write: (version) => ({ value: chosen(version), attempt: (client) => client.call("auth/updateRole", { id, accessRules: chosen(version) }, cast.admin) }),
    async read(client) {
      const { accessRules } = await client.call("auth/accessRules", undefined, person);
      return { value: RULES.filter((rule) => accessRules.includes(rule)) };
    },
  };
}

/** Whether somebody may do what one of his roles allows, which he gets and loses. */
async function right(cast, name) {
  const person = await cast.person(name);
  const id = await cast.role(name, ["healthcheck.healthcheck.read"]);
  const plain = await cast.role(`${name} without`, []);
  await cast.call("auth/updateUserRoles", { userId: person.id, roles: [plain] });
  return {
    name,
    initial: "may not",
    thinkMs: 400,
    write(version) {
      const may = version % 2 === 1;
      const roles = may ? [plain, id] : [plain];
      return { value: may ? "may" : "may not", attempt: (client) => client.call("auth/updateUserRoles", { userId: person.id, roles }, cast.admin) };
    },
    async read(client) {
      try {
        await client.call("healthcheck/getConfigurations", undefined, person);
        return { value: "may" };
      } catch (error) {
        if (error instanceof Refusal && error.status === 403) return { value: "may not" };
        throw error;
      }
    },
  };
}

/** Reads with a credential: it is the present one, or not. */
async function presented(label, call) {
  try {
    await call();
    return { value: label };
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) return { not: label };
    throw error;
  }
}

/** The key of an application: made, made anew, revoked, again and again. */
async function key(cast, name) {
  let application;
  let present; // the last key that was given out, and its label
  const make = (version) => async (client, tries) => {
    const made = await client.call("auth/createApplication", { name: `${name} ${version}.${tries}` }, cast.admin);
    application = made.application.id;
    present = { label: `key ${version}`, bearer: made.secret };
  };
  const renew = (version) => async (client) => {
    const { secret } = await client.call("auth/regenerateApplicationSecret", application, cast.admin);
    present = { label: `key ${version}`, bearer: secret };
  };
  const revoke = async (client, tries) => {
    await unlessDone(tries, client.call("auth/revokeApplication", application, cast.admin));
  };
  await make(0)(cast.client, 1);
  return {
    name,
    initial: present.label,
    thinkMs: 600,
    write(version) {
      // Three keys, then none.
      if (version % 4 === 3) return { value: "none", attempt: revoke };
      return { value: `key ${version}`, attempt: version % 4 === 0 ? make(version) : renew(version) };
    },
    read(client) {
      const { label, bearer } = present;
      return presented(label, () => client.call("auth/accessRules", undefined, { bearer }));
    },
  };
}

/** A session that begins and ends, again and again. */
async function session(cast, name) {
  const person = await cast.person(name);
  let present = { label: "session 0", cookie: person.cookie };
  return {
    name,
    initial: present.label,
    thinkMs: 1200,
    write(version) {
      if (version % 2 === 1) return { value: "none", attempt: (client) => client.signOut(present.cookie) };
      const label = `session ${version}`;
      return { value: label, attempt: async (client) => (present = { label, cookie: await client.signIn(person.email, PASSWORD) }) };
    },
    read(client) {
      const { label, cookie } = present;
      return presented(label, () => client.call("auth/getCurrentUserProfile", undefined, { cookie }));
    },
  };
}

/** A system with a health check that is paused. */
async function check(cast, name) {
  const { id: systemId } = await cast.call("catalog/createSystem", { name });
  const config = { method: "GET", url: "http://127.0.0.1:9/" };
  const collectors = [{ id: randomUUID(), collectorId: "healthcheck-http.request", config, assertions: [] }];
  const configuration = { name: "0", strategyId: "healthcheck-http.http", config: {}, intervalSeconds: 86_400, collectors };
  const { id } = await cast.call("healthcheck/createConfiguration", configuration);
  await cast.call("healthcheck/pauseConfiguration", id);
  await cast.call("healthcheck/associateSystem", { systemId, body: { configurationId: id } });
  return { systemId, id };
}

/** Its name. */
async function configuration(cast, name) {
  const { systemId, id } = await check(cast, name);
  return {
    name,
    initial: "0",
    thinkMs: 400,
    write(version) {
      const title = String(version);
      return { value: title, attempt: (client) => client.call("healthcheck/updateConfiguration", { id, body: { name: title } }, cast.admin) };
    },
    async read(client, draw) {
      const how = pick(draw, ["getConfigurations", "getSystemAssociations"]);
      if (how === "getConfigurations") return { value: byId((await client.call("healthcheck/getConfigurations", undefined, cast.admin)).configurations, id)?.name ?? null, how };
      return { value: (await client.call("healthcheck/getSystemAssociations", { systemId }, cast.admin))[0]?.configurationName ?? null, how };
    },
  };
}

/** Whether it counts: the status of its system shows only checks that do. */
async function pausing(cast, name) {
  const { systemId, id } = await check(cast, name);
  return {
    name,
    initial: true,
    thinkMs: 500,
    write(version) {
      const paused = version % 2 === 0;
      return { value: paused, attempt: (client) => client.call(`healthcheck/${paused ? "pause" : "resume"}Configuration`, id, cast.admin) };
    },
    async read(client, draw) {
      const how = pick(draw, ["getSystemHealthStatus", "getConfigurations"]);
      if (how === "getSystemHealthStatus") {
        const { checkStatuses } = await client.call("healthcheck/getSystemHealthStatus", { systemId }, cast.admin);
        return { value: checkStatuses.length === 0, how };
      }
      return { value: byId((await client.call("healthcheck/getConfigurations", undefined, cast.admin)).configurations, id)?.paused ?? null, how };
    },
  };
}

/** A setting of the installation. */
async function retention(cast, name) {
  const days = (version) => 30 + (version % 300);
  await cast.call("notification/setRetentionSettings", { enabled: false, retentionDays: days(0) });
  return {
    name,
    initial: days(0),
    thinkMs: 500,
    write(version) {
      const input = { enabled: false, retentionDays: days(version) };
      return { value: input.retentionDays, attempt: (client) => client.call("notification/setRetentionSettings", input, cast.admin) };
    },
    read: async (client) => ({ value: (await client.call("notification/getRetentionSettings", undefined, cast.admin)).retentionDays }),
  };
}

/** All registers of a run. @param {{seconds: number}} options  how long it may last */
export async function registersOf(cast, { seconds }) {
  const most = Math.ceil(seconds * 4);
  const make = [
    [system, "system 1"], [system, "system 2"], [system, "system 3"], [view, "view"], [membership, "membership"],
    [inbox, "inbox 1"], [inbox, "inbox 2"], [marks, "marks 1"], [marks, "marks 2"], [subscription, "subscription"], [retention, "retention"],
    [theme, "theme 1"], [theme, "theme 2"], [profile, "profile"], [rules, "rules"], [right, "right"], [key, "key 1"], [key, "key 2"], [session, "session"],
    [configuration, "configuration"], [pausing, "pausing"],
  ];
  const registers = [];
  for (const [kind, name] of make) registers.push(await kind(cast, name.replaceAll(" ", "-"), { most }));
  return registers;
}
export const KINDS = { system, theme };
