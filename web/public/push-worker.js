// Shows what the server pushes, also while no page is open, and opens its link. A file of its own beside the app: the browser runs it without any page.
// It answers no request of the site.

const BASE = self.location.origin;

/** What was pushed. A browser wants every push shown, so one that cannot be read is shown as that. */
function read(data) {
  try {
    const { id, topic, title, body, importance, url, at } = data.json();
    return { id: String(id), topic, title: String(title), body: String(body ?? ""), importance, url, at: Date.parse(at) };
  } catch {
    return { id: "unreadable", topic: undefined, title: "Watchbell", body: "There is something new.", importance: "info", url: undefined, at: NaN };
  }
}

/** The address a message leads to; the inbox when it leads nowhere, or anywhere but to a page. */
function target(url) {
  if (typeof url === "string" && URL.canParse(url, BASE)) {
    const parsed = new URL(url, BASE);
    if (parsed.protocol === "http:" || parsed.protocol === "https:") return parsed.href;
  }
  return new URL("/inbox", BASE).href;
}

self.addEventListener("push", (event) => {
  const { id, topic, title, body, importance, url, at } = read(event.data);
  const follows = typeof topic === "string" && topic !== "";
  event.waitUntil(
    self.registration.showNotification(title, {
      body,
      // A repetition takes the place of what is shown already, without a sound; news of the same thing do, and are heard.
      tag: follows ? topic : id,
      renotify: follows,
      icon: "/favicon.svg",
      requireInteraction: importance === "critical",
      ...(Number.isNaN(at) ? {} : { timestamp: at }),
      data: { url: target(url) },
    }),
  );
});

async function open(url) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const shown = windows.find((each) => each.url === url);
  await (shown === undefined ? self.clients.openWindow(url) : shown.focus());
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(target(event.notification.data?.url)));
});

/**
 * Browsers end subscriptions by themselves at times: the server is given the new one in place of the old one. It takes it from whom the old one belongs to
 * alone, and whoever is signed in here may be somebody else; what it does not take is ended, so that nothing is shown to the wrong one.
 */
async function renew({ oldSubscription, newSubscription }) {
  if (!oldSubscription) return;
  const key = oldSubscription.options?.applicationServerKey;
  const subscription = newSubscription ?? (key ? await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }) : undefined);
  if (!subscription) return;
  const { endpoint, keys } = subscription.toJSON();
  const answer = await fetch("/api/notification/addPushSubscription", {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ json: { endpoint, keys, replaces: oldSubscription.endpoint } }),
  });
  if (answer.status === 404) await subscription.unsubscribe();
}

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));
