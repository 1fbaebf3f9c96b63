/** What the rest of the app hears from the websocket. */
export interface RealtimeListener {
  signal(signal: { id: string; area: string; payload: unknown }): void;
  /** A connection stands. Signals sent before it are lost, so everything read before is to be read again. */
  connected(): void;
  /** The server no longer knows the session this page believes in. */
  sessionEnded(): void;
}

/** `waiting` from the loss of a connection until the next one stands, the tries in between included. */
export type RealtimeState = "connecting" | "live" | "waiting";

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
const HEARTBEAT_MS = 25_000;
const ANSWER_MS = 10_000;
const SESSION_ENDED = 4401;

/**
 * The websocket that says what changed. It carries no data: a signal only names what to read again.
 *
 * Reconnects for ever, after 1 s doubling to 30 s, each time a random share of it (full jitter), so that a restarted server is not
 * met by all browsers at once. Silence is tested with a ping, because a connection cut on the way is closed by nobody.
 */
export class Realtime {
  private socket: WebSocket | undefined;
  private attempt = 0;
  private lastSeq = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private heartbeatTimer: ReturnType<typeof setTimeout> | undefined;
  private current: RealtimeState = "connecting";
  private readonly watchers = new Set<() => void>();
  private readonly url: string;
  private readonly listener: RealtimeListener;
  private readonly random: () => number;

  constructor(url: string, listener: RealtimeListener, random: () => number = Math.random) {
    this.url = url;
    this.listener = listener;
    this.random = random;
  }

  readonly state = (): RealtimeState => this.current;

  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  start(): void {
    window.addEventListener("online", this.retryNow);
    this.open();
  }

  stop(): void {
    window.removeEventListener("online", this.retryNow);
    clearTimeout(this.retryTimer);
    this.drop();
  }

  private readonly retryNow = () => {
    if (this.current !== "waiting" || this.socket) return;
    clearTimeout(this.retryTimer);
    this.open();
  };

  private open(): void {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.lastSeq = 0;
    socket.onmessage = ({ data }: MessageEvent<unknown>) => this.read(data);
    socket.onclose = ({ code }) => this.closed(code);
    this.beat(HEARTBEAT_MS);
  }

  private closed(code: number): void {
    this.drop();
    if (code === SESSION_ENDED) this.listener.sessionEnded();
    const ceiling = Math.min(FIRST_DELAY_MS * 2 ** this.attempt, LONGEST_DELAY_MS);
    this.attempt += 1;
    this.retryTimer = setTimeout(() => this.open(), this.random() * ceiling);
    this.become("waiting");
  }

  /** Lets go of the socket without hearing from it again. */
  private drop(): void {
    clearTimeout(this.heartbeatTimer);
    if (!this.socket) return;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
    this.socket = undefined;
  }

  private read(data: unknown): void {
    this.beat(HEARTBEAT_MS);
    const frame = parse(data);
    if (frame?.type === "connected") {
      this.attempt = 0;
      this.become("live");
      if (frame.userId === "anonymous") this.listener.sessionEnded();
      this.listener.connected();
    } else if (frame?.type === "signal" && typeof frame.signalId === "string") {
      // A gap in the numbers means a frame was lost on the way: what it named is unknown.
      if (typeof frame.seq === "number") {
        if (this.lastSeq !== 0 && frame.seq !== this.lastSeq + 1) this.listener.connected();
        this.lastSeq = frame.seq;
      }
      const area = typeof frame.pluginId === "string" ? frame.pluginId : (frame.signalId.split(".")[0] ?? "");
      this.listener.signal({ id: frame.signalId, area, payload: frame.payload });
    }
  }

  private beat(afterMs: number): void {
    clearTimeout(this.heartbeatTimer);
    this.heartbeatTimer = setTimeout(() => {
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send('{"type":"ping"}');
      this.heartbeatTimer = setTimeout(() => this.closed(1006), ANSWER_MS);
    }, afterMs);
  }

  private become(state: RealtimeState): void {
    if (this.current === state) return;
    this.current = state;
    for (const watcher of this.watchers) watcher();
  }
}

interface Frame {
  type: string;
  userId?: unknown;
  signalId?: unknown;
  pluginId?: unknown;
  payload?: unknown;
  seq?: unknown;
}

function parse(data: unknown): Frame | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" ? (value as Frame) : undefined;
  } catch {
    return undefined;
  }
}
