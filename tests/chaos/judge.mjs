// What a run has to have come to. A function of what was seen alone, so that it can be tested by what it must object to (tests/integration/chaos.mjs).
import { CHANNELS, RETRY_AFTER_S, isFinal, isTaken } from "./plan.mjs";

/**
 * Every promise, over every delivery: what is wrong, and how many requests came again after a final answer.
 * @param plan  of the run
 * @param deliveries  requests by "channel/user/title": {at, id, deed, answered} in the order they came
 * @param others  what came that no send of the plan said: {channel, user, title}
 * @param states  what the server made of them, by the same key: {id, state, attempts, reason}
 * @param inbox  "ROWS USERS" by title
 * @param kills  {at, running}: when, and the ids of the deliveries that were running
 */
export function judge({ plan, deliveries, others, states, inbox, kills }) {
  const problems = [];
  const wrong = (key, what) => problems.push(`${key}: ${what}\n    requests ${JSON.stringify(deliveries.get(key) ?? [])}\n    delivery ${JSON.stringify(states.get(key))}`);
  let duplicates = 0;
  const ids = new Set();
  for (const { title, recipients } of plan.sends) {
    if (inbox.get(title) !== `${recipients.length} ${recipients.length}`) problems.push(`${title}: inbox rows ${inbox.get(title)} for ${recipients.length} recipients`);
    for (const user of recipients) {
      for (const channel of CHANNELS) {
        const key = `${channel}/${user}/${title}`;
        const requests = deliveries.get(key) ?? [];
        const delivery = states.get(key);
        const gone = channel === "webhook" && plan.users[user] === "gone";
        if (delivery === undefined) {
          // Its user's channel was switched off already when it was sent.
          if (!gone || requests.length > 0) wrong(key, "accepted, and there is no delivery");
          continue;
        }
        const ended = requests.find(({ deed, answered }) => answered !== undefined && isFinal(deed));
        if (ended === undefined) {
          if (!gone || delivery.state !== "refused") wrong(key, "accepted, and it never arrived");
        } else if (delivery.state !== (isTaken(ended.deed) ? "delivered" : "refused")) wrong(key, `the receiver did "${ended.deed}", and the delivery ended ${delivery.state}`);
        // A kill excuses that what it interrupted begins anew, though it was answered; what is begun anew may fail, and is tried until it is answered again.
        const excuses = (from, to) => kills.filter(({ at, running }) => at > from && at < to && running.has(delivery.id)).length;
        let answered;
        for (const request of requests) {
          if (answered !== undefined) {
            duplicates += 1;
            if (excuses(answered.at, request.at) === 0) wrong(key, "asked again after its final answer");
            answered = undefined;
          }
          if (request.answered !== undefined && isFinal(request.deed)) answered = request;
        }
        for (const [index, request] of requests.entries()) {
          const next = requests[index + 1];
          if (request.deed !== "busy" || request.answered === undefined || next === undefined) continue;
          if (next.at - request.answered < RETRY_AFTER_S * 1000 - 20 && excuses(request.at, next.at) === 0) wrong(key, "asked again before Retry-After was over");
        }
        if (channel !== "webhook" || requests.length === 0) continue;
        if (requests.some(({ id }) => id !== delivery.id)) wrong(key, "not the same webhook-id on every try");
        if (ids.has(delivery.id)) wrong(key, "a webhook-id twice");
        ids.add(delivery.id);
      }
    }
  }
  const most = kills.reduce((sum, { running }) => sum + running.size, 0);
  if (duplicates > most) problems.push(`${duplicates} duplicates, and only ${most} were in flight at the kills`);
  const gone = plan.users.indexOf("gone");
  if (!others.some(({ user, title }) => user === gone && title.startsWith("Webhook was switched off"))) problems.push("nobody told the user whose receiver is gone");
  return { problems, duplicates };
}
