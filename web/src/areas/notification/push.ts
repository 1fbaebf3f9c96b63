import { asRecord, asText } from "@/lib/record";
import type { Channel } from "./queries";

export const WEB_PUSH = "notification-webpush.webpush";
const WORKER = "/push-worker.js";

/** Whether this browser shows pushed notifications for its reader; "blocked" is what its own settings say, "unsupported" what it cannot. */
export type PushState = "on" | "off" | "blocked" | "unsupported";

/** The ids of the browsers the server pushes to. */
export function devicesOf(channel: Channel): string[] {
  const devices = asRecord(channel.userConfig)["devices"];
  return Array.isArray(devices) ? devices.flatMap((each) => asText(asRecord(each)["id"]) ?? []) : [];
}

/** Pages over plain HTTP have no service workers, and some browsers no pushes. */
function supported(): boolean {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** What the server calls the subscription of that endpoint. */
export async function deviceId(endpoint: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint))));
}

async function present(): Promise<PushSubscription | undefined> {
  const registration = await navigator.serviceWorker.getRegistration(WORKER);
  return (await registration?.pushManager.getSubscription()) ?? undefined;
}

export async function pushState(devices: readonly string[]): Promise<PushState> {
  if (!supported()) return "unsupported";
  if (Notification.permission === "denied") return "blocked";
  const subscription = await present();
  return subscription !== undefined && devices.includes(await deviceId(subscription.endpoint)) ? "on" : "off";
}

/** The subscription of this browser as the server takes it; undefined when its reader does not permit notifications. */
export async function subscribeHere(publicKey: string, devices: readonly string[]): Promise<{ endpoint: string; keys: { p256dh: string; auth: string } } | undefined> {
  if ((await Notification.requestPermission()) !== "granted") return undefined;
  // One that the server does not know as ours is that of whoever sat here before, or of another key: what is sent to it must not show here any more.
  const before = await present();
  if (before !== undefined && !devices.includes(await deviceId(before.endpoint))) await before.unsubscribe();
  await navigator.serviceWorker.register(WORKER);
  const { pushManager } = await navigator.serviceWorker.ready;
  const { endpoint, keys } = (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey })).toJSON();
  const { p256dh, auth } = keys ?? {};
  if (endpoint === undefined || p256dh === undefined || auth === undefined) throw new Error("the browser gave no subscription");
  return { endpoint, keys: { p256dh, auth } };
}

/** Ends the subscription of this browser, if there is one; the endpoint it had. The server learns of it at the next push, unless it is told. */
export async function unsubscribeHere(): Promise<string | undefined> {
  if (!supported()) return undefined;
  const subscription = await present();
  await subscription?.unsubscribe();
  return subscription?.endpoint;
}
