import { FakeServer } from "./fake/fake-server.ts";

/** The browser's side of the wire in a test: fetch, websocket and cookie jar, led to the fake server without a socket. */
export class FakeBrowser {
  private static current: FakeBrowser | undefined;

  readonly server = new FakeServer();
  /** What the session cookie holds. */
  token: string | undefined;
  /** No answer comes through, and no websocket opens. */
  offline = false;

  private readonly fetch = globalThis.fetch;
  private readonly WebSocket = globalThis.WebSocket;

  static install(): void {
    const browser = new FakeBrowser();
    FakeBrowser.current = browser;
    globalThis.fetch = (input, init) => browser.answer(new Request(input, init));
    globalThis.WebSocket = class extends FakeWebSocket {
      constructor() {
        super(browser);
      }
    } as unknown as typeof WebSocket;
  }

  static uninstall(): void {
    const browser = FakeBrowser.get();
    globalThis.fetch = browser.fetch;
    globalThis.WebSocket = browser.WebSocket;
    FakeBrowser.current = undefined;
  }

  static get(): FakeBrowser {
    if (!FakeBrowser.current) throw new Error("no test is running");
    return FakeBrowser.current;
  }

  private async answer(request: Request): Promise<Response> {
    if (this.offline) throw new TypeError("Failed to fetch");
    const body = await request.text();
    const { response, token } = await this.server.handle(request.method, new URL(request.url).pathname, body, this.token);
    request.signal.throwIfAborted();
    this.token = token;
    return response;
  }
}

class FakeWebSocket {
  static readonly OPEN = 1;
  readyState = 0;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  private link: ReturnType<FakeServer["connect"]> | undefined;

  constructor(browser: FakeBrowser) {
    queueMicrotask(() => {
      if (this.readyState === 3) return;
      if (browser.offline) {
        this.end(1006);
        return;
      }
      this.readyState = FakeWebSocket.OPEN;
      this.link = browser.server.connect(browser.token, { send: (data) => this.onmessage?.({ data }), close: (code) => this.end(code) });
    });
  }

  send(frame: string): void {
    this.link?.frame(frame);
  }

  close(): void {
    this.readyState = 3;
    this.link?.closed();
  }

  private end(code: number): void {
    this.close();
    this.onclose?.({ code });
  }
}
