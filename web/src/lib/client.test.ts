import { describe, expect, it } from "vitest";
import { FakeBrowser } from "../../test/fake-browser";
import { FakeError } from "../../test/fake/fake-server";
import { ApiError, isTransient } from "./api-error";
import { client } from "./client";
import { sessionClient } from "./session-client";

async function failure(call: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw new Error(`no ApiError: ${String(error)}`);
  return error;
}

function signedIn() {
  const browser = FakeBrowser.get();
  browser.token = browser.server.openSession(browser.server.addUser());
  return browser;
}

describe("client", () => {
  it("brings dates back as dates", async () => {
    signedIn();
    const system = await client.catalog.createSystem({ name: "Shop" });
    expect(system.createdAt).toBeInstanceOf(Date);
  });

  it("carries code, status, issues and correlation id of a refusal", async () => {
    const { server } = signedIn();
    server.fail("catalog.createSystem", new FakeError(400, "BAD_REQUEST", "Invalid input", [{ path: ["name"], message: "Too short" }]));
    const error = await failure(client.catalog.createSystem({ name: "" }));
    expect(error).toMatchObject({ code: "BAD_REQUEST", status: 400, issues: [{ path: "name", message: "Too short" }] });
    expect(error.correlationId).toMatch(/^fake-\d+$/);
    expect(isTransient(error)).toBe(false);
  });

  it("keeps the ids of calls that fail together apart", async () => {
    const { server } = signedIn();
    server.fail("catalog.getSystems", new FakeError(500, "INTERNAL_SERVER_ERROR", "Failed"));
    server.fail("notification.getGroups", new FakeError(500, "INTERNAL_SERVER_ERROR", "Failed"));
    const [one, two] = await Promise.all([failure(client.catalog.getSystems()), failure(client.notification.getGroups())]);
    expect(one.correlationId).not.toBe(two.correlationId);
  });

  it("tells a missing answer from a refusal", async () => {
    signedIn().offline = true;
    const error = await failure(client.catalog.getSystems());
    expect(error).toMatchObject({ code: "NETWORK", status: 0 });
    expect(isTransient(error)).toBe(true);
    expect(await failure(sessionClient.get())).toMatchObject({ code: "NETWORK" });
  });

  it("reads the plain errors of the session endpoints", async () => {
    const { server } = FakeBrowser.get();
    expect(await sessionClient.get()).toBeNull();
    expect(await failure(sessionClient.signIn({ email: "a@b", password: "x" }))).toMatchObject({ code: "INVALID_EMAIL_OR_PASSWORD", status: 401 });
    server.fail("auth/sign-in/email", new FakeError(429, "", "Too many requests"));
    expect(await failure(sessionClient.signIn({ email: "a@b", password: "x" }))).toMatchObject({ status: 429 });
  });
});
