import { describe, expect, it } from "vitest";
import { channelFields, configOf, isIncomplete, isUnsaved, mistakeOf, mistakesOf, savedForm, strategyFields } from "./channel-fields";
import type { Channel, Strategy } from "./queries";

const channel: Channel = {
  strategyId: "x.y",
  displayName: "X",
  contactResolution: { type: "user-config" },
  enabled: true,
  digestMinutes: 0,
  isConfigured: true,
  userConfigSchema: {
    type: "object",
    properties: {
      url: { type: "string", format: "uri" },
      topic: { type: "string", title: "Topic", description: "Such as `alerts`." },
      signingSecret: { type: "string", "x-secret": true },
      internal: { type: "string", "x-hidden": true },
      list: { type: "array" },
    },
    required: ["url"],
  },
  userConfig: { url: "http://a.test", topic: "t" },
  secretsSet: ["signingSecret"],
};

describe("channel fields", () => {
  it("reads text members of the schema, ours with our words", () => {
    expect(channelFields(channel).map(({ name, label, required, secret, stored, value }) => [name, label, required, secret, stored, value])).toEqual([
      ["url", "URL", true, false, false, "http://a.test"],
      ["topic", "Topic", false, false, false, "t"],
      ["signingSecret", "Signing secret", false, true, true, ""],
    ]);
    expect(channelFields(channel).find(({ name }) => name === "topic")?.hint).toBe("Such as alerts.");
    expect(channelFields({ ...channel, userConfigSchema: {} })).toEqual([]);
  });

  it("keeps an untouched secret, sends a new one, and clears what was emptied", () => {
    const fields = channelFields(channel);
    expect(configOf(fields, { url: "http://b.test ", topic: "", signingSecret: "" })).toEqual({ url: "http://b.test", topic: null });
    expect(configOf(fields, { url: "http://b.test", topic: "t", signingSecret: "s" })).toEqual({ url: "http://b.test", topic: "t", signingSecret: "s" });
  });

  const strategy: Strategy = {
    qualifiedId: "x.y",
    displayName: "X",
    ownerPluginId: "x",
    contactResolution: { type: "user-config" },
    requiresUserConfig: true,
    requiresOAuthLink: false,
    configSchema: {
      type: "object",
      properties: {
        serverUrl: { type: "string", format: "uri", default: "https://x.test" },
        port: { type: "integer", minimum: 1, maximum: 65535, default: 587 },
        secure: { type: "boolean", default: false },
        mode: { type: "string", enum: ["a", "b"] },
        password: { type: "string", "x-secret": true },
      },
      required: ["mode"],
    },
    enabled: true,
    config: { port: 25 },
    secretsSet: ["password"],
  };

  it("reads numbers, switches and choices too, and shows what holds when nothing is set", () => {
    expect(strategyFields(strategy).map(({ name, kind, value, options }) => [name, kind, value, options])).toEqual([
      ["serverUrl", "text", "https://x.test", []],
      ["port", "number", "25", []],
      ["secure", "boolean", false, []],
      ["mode", "choice", "", ["a", "b"]],
      ["password", "text", "", []],
    ]);
  });

  it("sends them as what they are, and forgets typed secrets once they are saved", () => {
    const fields = strategyFields(strategy);
    expect(configOf(fields, { serverUrl: "", port: " 2525", secure: true, mode: "b", password: "" })).toEqual({ serverUrl: null, port: 2525, secure: true, mode: "b" });
    expect(savedForm(fields, { serverUrl: " https://y.test ", port: "1", secure: true, mode: "a", password: "s" })).toEqual({ serverUrl: "https://y.test", port: "1", secure: true, mode: "a", password: "" });
  });

  it("shows what holds instead of what was emptied, once that is saved", () => {
    expect(savedForm(strategyFields(strategy), { serverUrl: " ", port: "", secure: false, mode: "", password: "" })).toEqual({ serverUrl: "https://x.test", port: "587", secure: false, mode: "", password: "" });
  });

  it("tells what is typed from what is stored", () => {
    const fields = strategyFields(strategy);
    const stored = { serverUrl: "https://x.test", port: "25", secure: false, mode: "", password: "" };
    expect(isUnsaved(fields, stored)).toBe(false);
    expect(isUnsaved(fields, { ...stored, port: " 25 " })).toBe(false);
    // Nothing of it is stored: it holds either way.
    expect(isUnsaved(fields, { ...stored, serverUrl: "" })).toBe(false);
    expect(isUnsaved(fields, { ...stored, port: "" })).toBe(true);
    expect(isUnsaved(fields, { ...stored, secure: true })).toBe(true);
    expect(isUnsaved(fields, { ...stored, password: "s" })).toBe(true);
  });

  it("says what is wrong before anything is sent", () => {
    const wrong = (name: string, typed: string | boolean) => {
      const field = strategyFields(strategy).find((each) => each.name === name);
      return field && mistakeOf(field, typed);
    };
    expect(wrong("serverUrl", "nowhere")).toMatch(/http/);
    expect(wrong("port", "65536")).toBeTruthy();
    expect(wrong("port", "x")).toBeTruthy();
    expect(wrong("port", "")).toBeUndefined();
    expect(wrong("mode", "")).toBeTruthy();
    expect(wrong("secure", false)).toBeUndefined();
    expect(wrong("password", "")).toBeUndefined();
  });

  it("wants something typed of a channel that takes one secret or another", () => {
    const secret = { type: "string", "x-secret": true };
    const fields = channelFields({ ...channel, secretsSet: [], userConfig: {}, userConfigSchema: { properties: { loud: { type: "boolean" }, hook: secret, token: secret } } });
    const nothing = { loud: true, hook: "", token: "" };
    expect(mistakesOf(fields, nothing)).toEqual({ loud: undefined, hook: undefined, token: undefined });
    expect(mistakesOf(fields, nothing, { something: true })).toEqual({ loud: undefined, hook: "Fill this in.", token: undefined });
    expect(mistakesOf(fields, { ...nothing, token: "t" }, { something: true })).toEqual({ loud: undefined, hook: undefined, token: undefined });
  });

  it("is incomplete while something required is neither set nor has a default", () => {
    expect(isIncomplete(strategyFields(strategy))).toBe(true);
    expect(isIncomplete(strategyFields({ ...strategy, config: { mode: "b" } }))).toBe(false);
    const required = (...names: string[]) => strategyFields({ ...strategy, configSchema: { ...(strategy.configSchema as object), required: names } });
    expect(isIncomplete(required("serverUrl", "secure", "password"))).toBe(false);
  });
});
