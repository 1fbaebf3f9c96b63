import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Realtime, type RealtimeListener } from "./realtime";

class Socket {
  static readonly OPEN = 1;
  static all: Socket[] = [];
  readyState = 1;
  sent: string[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly url: string;
  constructor(url: string) {
    this.url = url;
    Socket.all.push(this);
  }
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.readyState = 3;
  }
  says(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

const heard: string[] = [];
const listener: RealtimeListener = {
  signal: ({ id, area }) => heard.push(`${area}: ${id}`),
  connected: () => heard.push("connected"),
  sessionEnded: () => heard.push("session ended"),
};

function last(): Socket {
  const socket = Socket.all.at(-1);
  if (!socket) throw new Error("no socket");
  return socket;
}

describe("Realtime", () => {
  let realtime: Realtime;
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", Socket);
    Socket.all = [];
    heard.length = 0;
    realtime = new Realtime("ws://w.test/api/signals/ws", listener, () => 1);
    realtime.start();
  });
  afterEach(() => {
    realtime.stop();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("tells of each signal and its area", () => {
    last().says({ type: "connected", userId: "u" });
    last().says({ type: "signal", signalId: "catalog.changed", pluginId: "catalog", payload: {} });
    last().says({ type: "signal", signalId: "healthcheck.run.completed", payload: {} });
    expect(heard).toEqual(["connected", "catalog: catalog.changed", "healthcheck: healthcheck.run.completed"]);
    expect(realtime.state()).toBe("live");
  });

  it("ignores what it does not understand", () => {
    last().onmessage?.({ data: "{" });
    last().onmessage?.({ data: new ArrayBuffer(1) });
    last().says([]);
    last().says({ type: "signal" });
    last().says({ type: "news" });
    expect(heard).toEqual([]);
  });

  it("waits 1 s, doubling to 30 s, and starts over once connected", () => {
    const waits: number[] = [];
    for (let round = 0; round < 7; round++) {
      const sockets = Socket.all.length;
      last().onclose?.({ code: 1006 });
      expect(realtime.state()).toBe("waiting");
      let waited = 0;
      while (Socket.all.length === sockets) {
        vi.advanceTimersByTime(500);
        waited += 500;
      }
      waits.push(waited);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000]);

    last().says({ type: "connected", userId: "u" });
    last().onclose?.({ code: 1012 });
    const sockets = Socket.all.length;
    vi.advanceTimersByTime(1000);
    expect(Socket.all.length).toBe(sockets + 1);
  });

  it("counts as waiting while it tries, so that nothing blinks at each try", () => {
    last().onclose?.({ code: 1006 });
    vi.advanceTimersByTime(1000);
    expect(Socket.all.length).toBe(2);
    expect(realtime.state()).toBe("waiting");
    window.dispatchEvent(new Event("online"));
    expect(Socket.all.length).toBe(2);
    last().says({ type: "connected", userId: "u" });
    expect(realtime.state()).toBe("live");
  });

  it("spreads the wait over all of it", () => {
    realtime.stop();
    realtime = new Realtime("ws://w.test", listener, () => 0.25);
    realtime.start();
    const sockets = Socket.all.length;
    last().onclose?.({ code: 1006 });
    vi.advanceTimersByTime(249);
    expect(Socket.all.length).toBe(sockets);
    vi.advanceTimersByTime(1);
    expect(Socket.all.length).toBe(sockets + 1);
  });

  it("asks for the session when it ends, and when the server knows none", () => {
    last().onclose?.({ code: 4401 });
    expect(heard).toEqual(["session ended"]);
    vi.advanceTimersByTime(1000);
    last().says({ type: "connected", userId: "anonymous" });
    expect(heard).toEqual(["session ended", "session ended", "connected"]);
  });

  it("treats a gap in the numbers as lost frames", () => {
    last().says({ type: "connected", userId: "u" });
    heard.length = 0;
    last().says({ type: "signal", signalId: "a.x", pluginId: "a", seq: 1 });
    last().says({ type: "signal", signalId: "a.x", pluginId: "a", seq: 2 });
    last().says({ type: "signal", signalId: "a.x", pluginId: "a", seq: 4 });
    expect(heard).toEqual(["a: a.x", "a: a.x", "connected", "a: a.x"]);
  });

  it("gives up a connection that has fallen silent", () => {
    last().says({ type: "connected", userId: "u" });
    vi.advanceTimersByTime(25_000);
    expect(last().sent).toEqual(['{"type":"ping"}']);
    last().says({ type: "pong" });
    vi.advanceTimersByTime(25_000 + 9_999);
    expect(realtime.state()).toBe("live");
    vi.advanceTimersByTime(1);
    expect(realtime.state()).toBe("waiting");
  });

  it("tries at once when the network is back", () => {
    last().onclose?.({ code: 1006 });
    window.dispatchEvent(new Event("online"));
    expect(Socket.all.length).toBe(2);
    vi.advanceTimersByTime(60_000 - 35_001);
    expect(Socket.all.length).toBe(2);
  });

  it("is silent once stopped", () => {
    const socket = last();
    realtime.stop();
    expect(socket.readyState).toBe(3);
    expect(socket.onmessage).toBeNull();
    vi.advanceTimersByTime(120_000);
    expect(Socket.all.length).toBe(1);
  });
});
