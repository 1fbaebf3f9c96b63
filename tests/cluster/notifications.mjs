// Notifications that are sent all the while, under keys of their own, to webhooks on loopback: whatever was accepted arrives, and stands in each inbox once.
import { Receivers } from "../chaos/receivers.mjs";
import { WEBHOOK } from "../e2e/lib/api.mjs";
import { until } from "../e2e/lib/wait.mjs";
import { Client, Refusal, Unanswered } from "./client.mjs";
import { drawing, pause, pick } from "./draw.mjs";

const RECIPIENTS = 3;
const SENDERS = 2;
const SENDER_THINKS_MS = 150;
const SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/** What a dead process was delivering is delivered by another within a minute; there may be one at the very end. */
const ARRIVED_WITHIN_MS = 120_000;

const isTaken = ({ deed, answered }) => answered !== undefined && deed.endsWith("take");

/**
 * What is wrong.
 * @param sends  {title, recipients} that were accepted: recipients by number
 * @param deliveries  requests by "webhook/recipient/title": {id, deed, answered} in the order they came
 * @param inboxes  the titles in each recipient's inbox
 */
export function judgeNotifications({ sends, deliveries, inboxes }) {
  const problems = [];
  let duplicates = 0;
  const ids = new Map();
  for (const { title, recipients } of sends) {
    for (const recipient of recipients) {
      const key = `webhook/${recipient}/${title}`;
      const requests = deliveries.get(key) ?? [];
      const taken = requests.filter(isTaken);
      if (taken.length === 0) problems.push(`${key}: accepted, and it never arrived (${requests.length} requests)`);
      duplicates += Math.max(0, taken.length - 1);
      if (new Set(requests.map(({ id }) => id)).size > 1) problems.push(`${key}: not the same webhook-id on every try`);
      for (const id of new Set(requests.map((request) => request.id))) {
        if (ids.has(id) && ids.get(id) !== key) problems.push(`${key}: has the webhook-id of ${ids.get(id)}`);
        ids.set(id, key);
      }
    }
  }
  for (const [recipient, titles] of inboxes.entries()) {
    const counts = new Map();
    for (const title of titles) counts.set(title, (counts.get(title) ?? 0) + 1);
    for (const { title } of sends.filter(({ recipients }) => recipients.includes(recipient)))
      if (counts.get(title) !== 1) problems.push(`${title} stands ${counts.get(title) ?? 0} times in the inbox of recipient ${recipient}`);
  }
  return { problems, duplicates };
}

export class Notifications {
  sends = [];
  problems = [];
  #stopping = false;
  #until = Infinity;
  #workers = [];

  static async make(cast, { members, seed }) {
    const some = new Notifications();
    Object.assign(some, { cast, members, seed, clients: members.map((member) => new Client(member)) });
    // Some receivers fail at first: who begins anew after a death has more to do than once.
    const deed = (channel, user, title, attempt) => {
      const draw = drawing(seed, "receiver", channel, user, title, attempt);
      return attempt <= 2 && draw() < 0.15 ? pick(draw, ["reset", "reset half-way", "break"]) : "take";
    };
    some.receivers = await new Receivers({ users: Array(RECIPIENTS).fill("mixed"), deed }).up();
    await cast.call("notification/updateDeliveryStrategy", { strategyId: WEBHOOK, enabled: true, config: { timeoutSeconds: 5 } });
    some.recipients = [];
    for (let i = 0; i < RECIPIENTS; i++) {
      const person = await cast.person(`recipient-${i}`);
      const userConfig = { url: some.receivers.webhooks[i], signingSecret: SECRET };
      await cast.client.call("notification/setUserDeliveryPreference", { strategyId: WEBHOOK, enabled: true, userConfig }, person);
      some.recipients.push(person);
    }
    return some;
  }

  start() {
    let next = 0;
    for (let i = 0; i < SENDERS; i++) {
      const draw = drawing(this.seed, "sender", i);
      this.#workers.push((async () => {
        while (!this.#stopping) {
          await pause(2 * SENDER_THINKS_MS * draw());
          const chosen = this.recipients.map((_, index) => index).filter(() => draw() < 0.6);
          if (chosen.length > 0) await this.#send({ title: `n-${next++}`, recipients: chosen }, draw);
        }
      })());
    }
    return this;
  }

  /** Until it is accepted: under one key, so that a lost answer sends nothing twice. */
  async #send(send, draw) {
    const userIds = send.recipients.map((index) => this.recipients[index].id);
    const input = { userIds, title: send.title, body: "x".repeat(200), idempotencyKey: `key-${this.seed}-${send.title}` };
    for (;;) {
      const member = pick(draw, this.members);
      try {
        const { notifiedCount } = await this.clients[member.index].call("notification/notifyUsers", input, this.cast.admin);
        if (notifiedCount !== send.recipients.length) this.problems.push(`${send.title} was accepted for ${notifiedCount} of ${send.recipients.length}`);
        this.sends.push(send);
        return;
      } catch (error) {
        if (!(error instanceof Unanswered || (error instanceof Refusal && error.passing))) {
          this.problems.push(`${send.title} was refused by process ${member.index + 1}: ${error.message}`);
          return;
        }
        if (performance.now() > this.#until) {
          this.problems.push(`${send.title} is never accepted: ${error.message}`);
          return;
        }
        await pause(50);
      }
    }
  }

  /** Ends the sending, waits for what was accepted, and judges. */
  async stop() {
    this.#stopping = true;
    this.#until = performance.now() + ARRIVED_WITHIN_MS;
    await Promise.all(this.#workers);
    const arrived = ({ title, recipients }) => recipients.every((recipient) => this.receivers.deliveries.get(`webhook/${recipient}/${title}`)?.some(isTaken));
    await until("all notifications to arrive", () => this.sends.every(arrived), ARRIVED_WITHIN_MS).catch(() => {}); // which is judged
    const inboxes = [];
    for (const person of this.recipients) {
      const titles = [];
      for (let total = 1; titles.length < total; ) {
        const page = await this.cast.client.call("notification/getNotifications", { limit: 100, offset: titles.length }, person);
        total = page.total;
        if (page.notifications.length === 0) break;
        titles.push(...page.notifications.map(({ title }) => title));
      }
      inboxes.push(titles);
    }
    const { problems, duplicates } = judgeNotifications({ sends: this.sends, deliveries: this.receivers.deliveries, inboxes });
    const count = this.sends.reduce((sum, { recipients }) => sum + recipients.length, 0);
    return { accepted: this.sends.length, deliveries: count, duplicates, problems: [...this.problems, ...problems] };
  }

  async close() {
    this.#stopping = true;
    this.#until = 0;
    for (const client of this.clients) client.close(); // whoever waits for an answer gets none
    await Promise.all(this.#workers);
    await this.receivers.down();
  }
}
