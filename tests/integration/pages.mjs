// What a browser is told with the pages and files of the web app; a program built without it answers every page with a word about that.
import assert from "node:assert/strict";
import { Program } from "../e2e/lib/program.mjs";
import { test } from "../e2e/lib/runner.mjs";

/** By name, without the blanks around. */
function policyOf(response) {
  const text = response.headers.get("content-security-policy") ?? "";
  return Object.fromEntries(text.split(";").map((part) => [part.trim().split(" ")[0], part.trim().split(" ").slice(1).join(" ")]));
}

test("pages_run_our_scripts_alone_and_stand_in_no_frame", async (context) => {
  const { base } = await new Program(context).start();
  for (const path of ["/", "/index.html", "/systems/new", "/administration/keys", "/auth/reset-password?token=x", "/no/such/page"]) {
    for (const method of ["GET", "HEAD"]) {
      const page = await fetch(base + path, { method });
      assert.equal(page.status, 200, path);
      assert.match(page.headers.get("content-type"), /^text\/html; charset=utf-8$/, path);
      assert.deepEqual(
        policyOf(page),
        {
          "default-src": "'self'",
          "script-src": "'self'",
          "style-src": "'self'",
          "img-src": "'self' data:",
          "connect-src": "'self'",
          "object-src": "'none'",
          "base-uri": "'self'",
          "form-action": "'self'",
          "frame-ancestors": "'none'",
        },
        path,
      );
      const told = ["x-frame-options", "x-content-type-options", "referrer-policy", "cache-control"].map((name) => page.headers.get(name));
      assert.deepEqual(told, ["DENY", "nosniff", "same-origin", "no-cache"], path);
      const etag = page.headers.get("etag");
      if (etag === null) continue;
      const same = await fetch(base + path, { method, headers: { "if-none-match": etag } });
      assert.deepEqual([same.status, policyOf(same)["frame-ancestors"]], [304, "'none'"], path);
    }
  }
});

test("a_browser_guesses_at_no_file_and_at_none_that_is_not_there", async (context) => {
  const { base } = await new Program(context).start();
  const page = await (await fetch(`${base}/`)).text();
  const files = [...page.matchAll(/(?:src|href)="(\/[^"]+\.\w+)"/g)].map(([, path]) => path);
  for (const path of files) {
    const file = await fetch(base + path);
    assert.deepEqual([file.status, file.headers.get("x-content-type-options")], [200, "nosniff"], path);
    assert.doesNotMatch(file.headers.get("content-type"), /html/, path);
  }
  for (const [method, path] of [["GET", "/assets/none.js"], ["GET", "/favicon.none"], ["HEAD", "/assets/none.css"], ["POST", "/"], ["PUT", "/assets/none.js"]]) {
    const none = await fetch(base + path, { method });
    assert.deepEqual([none.status, none.headers.get("content-type"), none.headers.get("x-content-type-options")], [404, "text/plain", "nosniff"], `${method} ${path}`);
  }
});
