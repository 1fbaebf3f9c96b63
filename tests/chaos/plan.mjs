// What happens in a run, all of it drawn from one seed: who is told what, which receiver does what at which try, when the server is killed and its disk full.

/** A generator of numbers in [0, 1): the same from the same seed (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed out of a seed and what stands behind it (FNV-1a): draws for one thing do not depend on the order in which things happen. */
function seedOf(...parts) {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(parts.join("/"))) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

export const CHANNELS = ["webhook", "ntfy", "gotify"];

/** What each user's webhook receiver is like; there is one user for each, and one more whose receiver says that it is gone. */
const TEMPERS = ["good", "hangs", "resets", "busy", "broken", "drips", "moved", "picky", "mixed"];
/** What a receiver does at a try. `answers` is the status it gives at last, where it gives one. */
const DEEDS = {
  take: { answers: 204 },
  "drip and take": { answers: 200 },
  hang: {},
  reset: {},
  "reset half-way": {},
  drip: {}, // for longer than anybody waits
  busy: { answers: 429 },
  break: { answers: 500 },
  move: { answers: 301 },
  refuse: { answers: 400 },
  "be gone": { answers: 410 },
};
const PASSING = { hangs: ["hang"], resets: ["reset", "reset half-way"], busy: ["busy"], broken: ["break"], drips: ["drip", "drip and take"], mixed: ["reset", "busy", "break", "reset half-way"] };
const FINAL = { moved: "move", picky: "refuse" };
/** The statuses after which a delivery is not tried again. */
export const isFinal = (deed) => [200, 204, 301, 400, 410].includes(DEEDS[deed].answers);
export const isTaken = (deed) => [200, 204].includes(DEEDS[deed].answers);
export const statusOf = (deed) => DEEDS[deed].answers;

/** The seconds that a busy receiver asks for. */
export const RETRY_AFTER_S = 1;

/** The plan of a run. @param {{notifications: number, kills: number}} size  inbox rows, and how often the server dies */
export function planOf(seed, { notifications = 300, kills = 20 } = {}) {
  const draw = random(seedOf(seed, "plan"));
  const users = [...TEMPERS, "gone"];
  const sends = [];
  for (let rows = 0; rows < notifications; ) {
    const recipients = users.map((_, index) => index).filter(() => draw() < 0.6);
    if (recipients.length === 0) continue;
    rows += recipients.length;
    sends.push({ title: `n-${sends.length}`, recipients });
  }
  const rows = sends.reduce((sum, { recipients }) => sum + recipients.length, 0);
  // Of the requests that come at the least, the last tenth is left alone: there everybody has time to arrive.
  const requests = sends.reduce((sum, { recipients }) => sum + recipients.reduce((each, user) => each + (users[user] === "gone" ? 2 : 3), 0), 0);
  const events = Array.from({ length: kills }, () => ({ what: "kill", after: 1 + Math.floor(draw() * requests * 0.9), waitMs: Math.floor(draw() * 40) }));
  events.push({ what: "fill the disk", after: 1 + Math.floor(draw() * requests * 0.6), forMs: 500 + Math.floor(draw() * 1000) });
  events.sort((a, b) => a.after - b.after);

  /** What the receiver of a channel does at the nth try (from 1) of a notification to a user. */
  const deed = (channel, user, title, attempt) => {
    const own = random(seedOf(seed, channel, user, title));
    const temper = channel === "webhook" ? users[user] : "mixed";
    if (temper === "gone") return "be gone";
    const one = own();
    if (temper in FINAL && one < 0.5) return FINAL[temper];
    // How many tries fail, and each in which way.
    const bad = temper in PASSING ? Math.floor(own() * (temper === "hangs" ? 2 : 3)) : 0;
    if (attempt > bad) return own() < 0.1 ? "drip and take" : "take";
    const ways = PASSING[temper];
    return ways[Math.floor(random(seedOf(seed, channel, user, title, attempt))() * ways.length)];
  };
  return { seed, users, sends, rows, events, deed };
}

/** The plan as text, the same for the same seed. */
export function described(plan) {
  const lines = [`seed ${plan.seed}: ${plan.rows} notifications by ${plan.sends.length} sends to ${plan.users.length} users over ${CHANNELS.join(", ")}`];
  lines.push(`webhook receivers: ${plan.users.map((temper, user) => `${user} ${temper}`).join(", ")}`);
  for (const event of plan.events)
    lines.push(event.what === "kill" ? `after ${event.after} requests and ${event.waitMs} ms: kill -9` : `after ${event.after} requests: the disk is full for ${event.forMs} ms and until a send was refused`);
  for (const { title, recipients } of plan.sends) {
    const faults = recipients.flatMap((user) => CHANNELS.flatMap((channel) => {
      const deeds = [1, 2, 3].map((attempt) => plan.deed(channel, user, title, attempt));
      const until = deeds.findIndex((each) => isFinal(each));
      return until === 0 && isTaken(deeds[0]) ? [] : [`${channel} ${user}: ${deeds.slice(0, until + 1).join(", ")}`];
    }));
    lines.push(`${title} to ${recipients.join(" ")}${faults.length > 0 ? `; ${faults.join("; ")}` : ""}`);
  }
  return lines.join("\n");
}
