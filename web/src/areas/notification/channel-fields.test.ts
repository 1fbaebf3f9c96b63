import { describe, expect, it } from "vitest";
import { channelFields, userConfigOf } from "./channel-fields";
import type { Channel } from "./queries";

const channel: Channel = {
  strategyId: "x.y",
  displayName: "X",
  contactResolution: { type: "user-config" },
  enabled: true,
  isConfigured: true,
  userConfigSchema: {
    type: "object",
    properties: {
      url: { type: "string", format: "uri" },
      topic: { type: "string", title: "Topic", description: "Where to" },
      signingSecret: { type: "string", "x-secret": true },
      internal: { type: "string", "x-hidden": true },
      count: { type: "integer" },
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
    expect(channelFields({ ...channel, userConfigSchema: {} })).toEqual([]);
  });

  it("keeps an untouched secret, sends a new one, and clears what was emptied", () => {
    const fields = channelFields(channel);
    expect(userConfigOf(fields, { url: "http://b.test ", topic: "", signingSecret: "" })).toEqual({ url: "http://b.test", topic: null });
    expect(userConfigOf(fields, { url: "http://b.test", topic: "t", signingSecret: "s" })).toEqual({ url: "http://b.test", topic: "t", signingSecret: "s" });
  });
});
