import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const source = readFileSync("public/push-worker.js", "utf8");

interface Shown {
  title: string;
  options: { body: string; tag: string; renotify: boolean; requireInteraction: boolean; timestamp?: number; data: { url: string } };
}

/** The worker in a browser of the test's own. */
class Worker {
  readonly shown: Shown[] = [];
  readonly opened: string[] = [];
  readonly focused: string[] = [];
  readonly posted: { path: string; body: unknown }[] = [];
  windows: string[] = [];
  answer = 200;
  private readonly listeners = new Map<string, (event: unknown) => void>();

  constructor() {
    const self = {
      location: { origin: "https://bell.test" },
      addEventListener: (type: string, listener: (event: unknown) => void) => this.listeners.set(type, listener),
      registration: {
        showNotification: (title: string, options: Shown["options"]) => {
          this.shown.push({ title, options });
          return Promise.resolve();
        },
        pushManager: { subscribe: () => Promise.resolve(subscription("https://push.test/new")) },
      },
      clients: {
        matchAll: () => Promise.resolve(this.windows.map((url) => ({ url, focus: () => Promise.resolve(this.focused.push(url)) }))),
        openWindow: (url: string) => Promise.resolve(this.opened.push(url)),
      },
    };
    const fetch = (path: string, init: { body: string }) => {
      this.posted.push({ path, body: JSON.parse(init.body) as unknown });
      return Promise.resolve({ status: this.answer });
    };
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- a worker is a script, not a module of ours
    const run = new Function("self", "fetch", source) as (...given: unknown[]) => void;
    run(self, fetch);
  }

  async push(payload: unknown): Promise<Shown> {
    await this.dispatch("push", { data: { json: () => (typeof payload === "string" ? (JSON.parse(payload) as unknown) : payload) } });
    const last = this.shown.at(-1);
    if (!last) throw new Error("nothing was shown");
    return last;
  }

  async click(url: unknown): Promise<void> {
    await this.dispatch("notificationclick", { notification: { close: () => undefined, data: { url } } });
  }

  async dispatch(type: string, event: object): Promise<void> {
    let work: Promise<unknown> = Promise.resolve();
    this.listeners.get(type)?.({ ...event, waitUntil: (promise: Promise<unknown>) => (work = promise) });
    await work;
  }
}

const ended: string[] = [];
const subscription = (endpoint: string) => ({ endpoint, unsubscribe: () => Promise.resolve(ended.push(endpoint)), options: { applicationServerKey: "key" }, toJSON: () => ({ endpoint, expirationTime: null, keys: { p256dh: "p", auth: "a" } }) });
const message = { id: "d1", title: "Disk full", body: "/var", importance: "critical", url: "https://bell.test/systems/1", at: "2026-01-02T03:04:05.678Z" };

describe("the push worker", () => {
  it("shows a message under its own tag, so that a repetition takes its place", async () => {
    const worker = new Worker();
    const { title, options } = await worker.push(message);
    expect(title).toBe("Disk full");
    expect(options).toMatchObject({ body: "/var", tag: "d1", requireInteraction: true, timestamp: Date.parse(message.at), data: { url: message.url } });
    expect((await worker.push({ ...message, importance: "info" })).options.requireInteraction).toBe(false);
  });

  it("puts news of one topic in each other's place, to be heard", async () => {
    const worker = new Worker();
    expect((await worker.push(message)).options).toMatchObject({ tag: "d1", renotify: false });
    expect((await worker.push({ ...message, id: "d2", topic: "incident.incident.7" })).options).toMatchObject({ tag: "incident.incident.7", renotify: true });
    expect((await worker.push({ ...message, topic: 7 })).options).toMatchObject({ tag: "d1", renotify: false });
  });

  it("shows something for every push, also one it cannot read", async () => {
    const worker = new Worker();
    expect((await worker.push("{")).title).toBe("Watchbell");
    await worker.dispatch("push", { data: null });
    expect(worker.shown).toHaveLength(2);
  });

  it("opens the link, or brings the page that shows it to the front", async () => {
    const worker = new Worker();
    await worker.click(message.url);
    expect(worker.opened).toEqual([message.url]);
    worker.windows = ["https://bell.test/", message.url];
    await worker.click(message.url);
    expect(worker.focused).toEqual([message.url]);
    expect(worker.opened).toHaveLength(1);
  });

  it("opens the inbox for a message without a link, and runs none", async () => {
    const worker = new Worker();
    expect((await worker.push({ ...message, url: undefined })).options.data.url).toBe("https://bell.test/inbox");
    for (const url of [undefined, "javascript:alert(1)", "data:text/html,x", "http://["]) await worker.click(url);
    expect(worker.opened).toEqual(Array<string>(4).fill("https://bell.test/inbox"));
  });

  it("gives the server the subscription that a browser renewed", async () => {
    const worker = new Worker();
    await worker.dispatch("pushsubscriptionchange", { oldSubscription: subscription("https://push.test/old"), newSubscription: subscription("https://push.test/given") });
    await worker.dispatch("pushsubscriptionchange", { oldSubscription: subscription("https://push.test/old") });
    await worker.dispatch("pushsubscriptionchange", {});
    const posted = (endpoint: string) => ({
      path: "/api/notification/addPushSubscription",
      body: { json: { endpoint, keys: { p256dh: "p", auth: "a" }, replaces: "https://push.test/old" } },
    });
    expect(worker.posted).toEqual([posted("https://push.test/given"), posted("https://push.test/new")]);
    expect(ended).toEqual([]);
  });

  it("ends a renewed subscription that is not of whom is signed in", async () => {
    const worker = new Worker();
    worker.answer = 404;
    await worker.dispatch("pushsubscriptionchange", { oldSubscription: subscription("https://push.test/old"), newSubscription: subscription("https://push.test/given") });
    expect(ended).toEqual(["https://push.test/given"]);
  });
});
