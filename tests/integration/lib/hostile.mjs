// A crowd of clients that mean no good, in a thread of its own so that the clients it is compared with do not wait for it here. Started with
// workerData {port, kind, count, from}; says "ready" once all are connected, ends when told anything.
import { connect } from "node:net";
import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";

const { port, kind, count, from } = workerData;
// A crowd has processors of its own; here it must not take those of the server and of the clients it is compared with. On Linux this is about
// this thread alone.
setPriority(constants.priority.PRIORITY_LOW);
const HEAD = "POST /api/notification/getUnreadCount HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
const GET = "GET /api/config HTTP/1.1\r\nHost: x\r\n\r\n";

let stopped = false;
const sockets = new Set();

/** How long they wait before they come again. Those who are sent away at once would be a flood of connections otherwise, which is not what they are here for. */
const AGAIN_MS = { drip: 0, deaf: 0, half: 1000, flood: 0 };

/** A connection that is made anew when the server ends it; `begin` runs on each. */
function keep(begin) {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress: from, allowHalfOpen: true });
    sockets.add(socket);
    socket.once("connect", () => {
      resolve();
      begin(socket);
    });
    socket.on("error", () => {});
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      if (!stopped) setTimeout(() => !stopped && keep(begin), AGAIN_MS[kind]).unref();
    });
  });
}

const KINDS = {
  /** A byte a second: the head first, then a body that never ends. */
  drip(socket) {
    const text = `${HEAD}Content-Length: 100000\r\n\r\n`;
    let at = 0;
    const timer = setInterval(() => socket.write(text[at++] ?? "x"), 1000);
    socket.resume().on("close", () => clearInterval(timer));
  },
  /** Asks and asks, and never reads. */
  deaf(socket) {
    socket.pause();
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200));
  },
  /** Half a request, then no more; the other half of the connection stays open. */
  half(socket) {
    socket.resume().end(`${HEAD}Content-Length: 100\r\n\r\n{"json":`);
  },
  /** A hundred requests at once, again and again. */
  flood(socket) {
    socket.resume().write(GET.repeat(100));
    socket.on("data", () => socket.writableLength === 0 && socket.write(GET.repeat(100)));
  },
};

await Promise.all(Array.from({ length: count }, () => keep(KINDS[kind])));
parentPort.once("message", () => {
  stopped = true;
  for (const socket of sockets) socket.destroy();
  parentPort.postMessage("stopped");
  parentPort.close();
});
parentPort.postMessage("ready");
