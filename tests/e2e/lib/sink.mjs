import { createHmac, timingSafeEqual } from "node:crypto";
import { Target } from "./target.mjs";

/** Where webhooks arrive: records each POST with its headers and raw body. */
export class Sink extends Target {
  posts = [];

  constructor(context, secret) {
    super(context, (request, response) => {
      this.posts.push({ method: request.method, url: request.url, headers: request.headers, raw: request.raw, body: JSON.parse(request.raw.toString()) });
      response.end();
    });
    this.secret = secret;
  }

  get ids() {
    return this.posts.map((post) => post.headers["webhook-id"]);
  }

  /** Whether a post carries a fresh timestamp and the signature of it and its raw body. */
  verifies(post) {
    const timestamp = post.headers["x-checkstack-timestamp"] ?? "";
    const expected = "sha256=" + createHmac("sha256", this.secret).update(`${timestamp}.`).update(post.raw).digest("hex");
    const given = post.headers["x-checkstack-signature"] ?? "";
    const fresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < 300;
    return /^\d+$/.test(timestamp) && fresh && given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
  }
}
