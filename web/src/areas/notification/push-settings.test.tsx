import { screen, waitFor } from "@testing-library/react";
import { webcrypto } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FakeBrowser } from "../../../test/fake-browser";
import { openApp } from "../../../test/open-app";

/** The push side of a browser: its permission, and the one subscription it may have. */
class FakePush {
  subscription: ReturnType<FakePush["make"]> | undefined;
  workers: string[] = [];
  keys: unknown[] = [];
  private count = 0;

  constructor(permission: NotificationPermission, answer: NotificationPermission = "granted") {
    const registration = {
      pushManager: {
        getSubscription: () => Promise.resolve(this.subscription ?? null),
        subscribe: ({ applicationServerKey }: { applicationServerKey: string }) => {
          this.keys.push(applicationServerKey);
          this.subscription ??= this.make();
          return Promise.resolve(this.subscription);
        },
      },
    };
    vi.stubGlobal("crypto", webcrypto);
    vi.stubGlobal("PushManager", {});
    vi.stubGlobal("Notification", {
      permission,
      requestPermission: () => Promise.resolve(answer),
    });
    Object.defineProperty(navigator, "serviceWorker", {
      configurable: true,
      value: {
        getRegistration: () => Promise.resolve(registration),
        register: (file: string) => {
          this.workers.push(file);
          return Promise.resolve(registration);
        },
        ready: Promise.resolve(registration),
      },
    });
  }

  make() {
    const endpoint = `https://push.test/${String(++this.count)}`;
    return {
      endpoint,
      toJSON: () => ({ endpoint, expirationTime: null, keys: { p256dh: "key", auth: "secret" } }),
      unsubscribe: () => {
        this.subscription = undefined;
        return Promise.resolve(true);
      },
    };
  }
}

afterEach(() => {
  vi.unstubAllGlobals();
  Reflect.deleteProperty(navigator, "serviceWorker");
});

function openSettings() {
  FakeBrowser.get().server.pushOffered = true;
  return openApp("/settings");
}
const here = () => screen.findByRole("switch", { name: "Show notifications in this browser" });
const enabled = async () => {
  const found = await here();
  await waitFor(() => expect(found).toHaveProperty("disabled", false));
  return found;
};

describe("pushes to this browser", () => {
  it("are switched on with the reader's permission, and off again", async () => {
    const push = new FakePush("default");
    const { user, server, person } = openSettings();
    await user.click(await enabled());
    await waitFor(async () => expect((await here()).getAttribute("aria-checked")).toBe("true"));
    expect(push.workers).toEqual(["/push-worker.js"]);
    expect(push.keys).toEqual([expect.stringMatching(/^B[\w-]{86}$/)]);
    expect(server.callsOf("notification.addPushSubscription")).toEqual([{ endpoint: "https://push.test/1", keys: { p256dh: "key", auth: "secret" } }]);
    await user.click(await enabled());
    await waitFor(async () => expect((await here()).getAttribute("aria-checked")).toBe("false"));
    expect(push.subscription).toBeUndefined();
    expect(server.pushEndpoints.get(person.id)).toEqual([]);
  });

  it("say so when permission is refused, and send nothing", async () => {
    new FakePush("default", "denied");
    const { user, server } = openSettings();
    await user.click(await enabled());
    expect(await screen.findByText(/blocks notifications of this site/)).toBeTruthy();
    expect(server.callsOf("notification.addPushSubscription")).toEqual([]);
  });

  it("cannot be switched on where the browser blocks them, or has none", async () => {
    new FakePush("denied");
    openSettings();
    expect(await screen.findByText(/blocks notifications of this site/)).toBeTruthy();
    expect(await here()).toHaveProperty("disabled", true);
  });

  it("need a browser that has them", async () => {
    openSettings();
    expect(await screen.findByText(/This browser cannot/)).toBeTruthy();
    expect(await here()).toHaveProperty("disabled", true);
  });

  it("of whoever used the browser before are ended", async () => {
    const push = new FakePush("granted");
    push.subscription = push.make();
    const { user, server } = openSettings();
    const found = await enabled();
    expect(found.getAttribute("aria-checked")).toBe("false");
    await user.click(found);
    await waitFor(() => expect(server.callsOf("notification.addPushSubscription")).toHaveLength(1));
    expect(push.subscription).toHaveProperty("endpoint", "https://push.test/2");
  });

  it("end with signing out", async () => {
    const push = new FakePush("granted");
    const { user } = openSettings();
    await user.click(await enabled());
    await waitFor(() => expect(push.subscription).toBeDefined());
    await user.click(screen.getByRole("button", { name: /^Account/ }));
    await user.click(await screen.findByRole("button", { name: "Sign out" }));
    await waitFor(() => expect(push.subscription).toBeUndefined());
  });

  it("count the other browsers", async () => {
    new FakePush("default");
    const { server } = FakeBrowser.get();
    const { person } = openSettings();
    server.pushEndpoints.set(person.id, ["https://push.test/x", "https://push.test/y"]);
    expect(await screen.findByText("Other browsers you are notified in: 2")).toBeTruthy();
  });
});
