// Reads and writes registers through all processes at random, and writes down what was seen.
import { Client, Refusal, Unanswered } from "./client.mjs";
import { drawing, now, pause, pick } from "./draw.mjs";

/** A reader that is not answered for so long asks on; what he asked stays asked, for an answer that comes late is the one to look at. */
const PATIENCE_MS = 250;
/** Calls without an answer at one process: when there are more, readers leave it alone. */
const MOST_WAITING = 300;
const READERS = 10;
const READER_THINKS_MS = 20;
/** How often a writer goes to a process that is in trouble: most of them must go on. */
const BRAVE = 0.05;
/** A call that takes longer than this, though nothing is wrong any more, hangs. */
const ANSWERED_WITHIN_MS = 60_000;

export class Workload {
  operations = [];
  /** What went wrong and is no matter of the history: calls that had to be taken and were refused, calls that hang. */
  problems = [];
  counts = { reads: 0, writes: 0, unanswered: 0, notNow: 0, tries: 0 };
  #stopping = false;
  #workers = [];
  #running = new Set();

  /** @param members  {base, index, runs?, frozen?, troubled?}, in the order of their indices */
  constructor({ members, registers, seed, say = () => {} }) {
    Object.assign(this, { members, registers, seed, say });
    this.clients = members.map((member) => new Client(member));
  }

  get history() {
    return { registers: Object.fromEntries(this.registers.map(({ name, initial }) => [name, initial])), operations: this.operations };
  }

  start() {
    for (const register of this.registers) this.#workers.push(this.#write(register, drawing(this.seed, "writer", register.name)));
    for (let i = 0; i < READERS; i++) this.#workers.push(this.#reader(drawing(this.seed, "reader", i)));
    return this;
  }

  /** Ends it: nothing is in trouble any more. Then every process must tell the last of every register. */
  async stop() {
    this.#stopping = true;
    const deadline = performance.now() + ANSWERED_WITHIN_MS;
    const workers = Promise.all(this.#workers).then(() => true);
    const late = pause(ANSWERED_WITHIN_MS).then(() => false);
    if (!(await Promise.race([workers, late]))) this.problems.push(`a writer or reader does not come to an end within ${ANSWERED_WITHIN_MS / 1000} s`);
    while (this.#running.size > 0 && performance.now() < deadline) await Promise.race([...this.#running, pause(100)]);
    if (this.#running.size > 0) this.problems.push(`${this.#running.size} calls are never answered`);
    const draw = drawing(this.seed, "at last");
    for (const register of this.registers) {
      for (const member of this.members) {
        let told = false;
        for (let tries = 1; !told && tries <= 20; tries++) {
          if (tries > 1) await pause(250);
          told = await this.#read(register, member, draw, "at last");
        }
        if (!told) this.problems.push(`${register.name} cannot be read at process ${member.index + 1} at last`);
      }
    }
  }

  close() {
    for (const client of this.clients) client.close();
  }

  #troubled({ runs = true, frozen = false, troubled = false }) {
    return !runs || frozen || troubled;
  }

  async #write(register, draw) {
    for (let version = 1; !this.#stopping; version++) {
      await pause(2 * register.thinkMs * draw());
      if (this.#stopping) return;
      const next = register.write(version, draw);
      if (next === undefined) return;
      const write = { register: register.name, process: undefined, kind: "write", version, value: next.value, began: now(), ended: Infinity, outcome: "unknown" };
      this.operations.push(write);
      if (!(await this.#attempt(register, write, next.attempt, draw))) continue;
      this.counts.writes += 1;
      // Now, of all moments, somebody could still be told the old.
      for (const member of this.members) this.#read(register, member, draw, "right after the write");
    }
  }

  /** Makes a write until it is answered; whether it is. */
  async #attempt(register, write, attempt, draw) {
    const gaveUp = () => this.#stopping && performance.now() > this.stoppedAt + ANSWERED_WITHIN_MS;
    for (let tries = 1; ; ) {
      const calm = this.members.filter((member) => !this.#troubled(member));
      const member = calm.length === 0 || draw() < BRAVE ? pick(draw, this.members) : pick(draw, calm);
      write.process = member.index + 1;
      this.counts.tries += 1;
      try {
        await this.#watched(`write of ${register.name}`, attempt(this.clients[member.index], tries));
        write.ended = now();
        write.outcome = "ok";
        return true;
      } catch (error) {
        const passing = error instanceof Unanswered || (error instanceof Refusal && error.passing);
        if (!passing) {
          write.outcome = tries > 1 ? "unknown" : "failed";
          write.ended = now();
          this.problems.push(`at ${(now() / 1000).toFixed(3)} s a write of ${register.name} was refused by process ${write.process} at try ${tries}: ${error.message}`);
          return false;
        }
        if (error instanceof Unanswered) this.counts.unanswered += 1;
        else this.counts.notNow += 1;
        if (!(error instanceof Unanswered) || error.sent) tries += 1;
        if (this.#stopping) {
          this.stoppedAt ??= performance.now();
          if (gaveUp()) return false;
        }
        await pause(20 + 80 * draw());
      }
    }
  }

  async #reader(draw) {
    while (!this.#stopping) {
      const register = pick(draw, this.registers);
      const reading = this.#read(register, pick(draw, this.members), draw, "now and then");
      await Promise.race([reading, pause(PATIENCE_MS)]);
      await pause(2 * READER_THINKS_MS * draw());
    }
  }

  /** Whether there was an answer. */
  async #read(register, member, draw, when) {
    const client = this.clients[member.index];
    if (member.runs === false || client.waiting > MOST_WAITING) return false;
    const read = { register: register.name, process: member.index + 1, kind: "read", began: now() };
    try {
      const told = await this.#watched(`read of ${register.name}`, register.read(client, draw));
      read.ended = now();
      read.how = `${told.how ?? "asked"} ${when}`;
      if ("not" in told) read.not = told.not;
      else read.value = told.value;
      this.operations.push(read);
      this.counts.reads += 1;
      return true;
    } catch (error) {
      if (error instanceof Unanswered) this.counts.unanswered += 1;
      else if (error instanceof Refusal && error.passing) this.counts.notNow += 1;
      else {
        const [from, to] = [read.began, now()].map((ms) => (ms / 1000).toFixed(3));
        this.problems.push(`from ${from} to ${to} s a read of ${register.name} at process ${read.process}: ${error.stack ?? error.message}`);
      }
      return false;
    }
  }

  #watched(what, promise) {
    const running = promise.then(() => {}, () => {}).then(() => this.#running.delete(running));
    this.#running.add(running);
    return promise;
  }
}
