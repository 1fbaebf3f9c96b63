import type { MessageKey } from "@/lib/i18n/t";
import { t } from "@/lib/i18n/t";
import { asRecord, asText, type FreeForm } from "@/lib/record";
import type { Channel } from "./queries";

/** One input of a channel's form, read from the JSON Schema the server gives for it. */
export interface ChannelField {
  name: string;
  label: string;
  hint: string | undefined;
  required: boolean;
  secret: boolean;
  /** A secret that is stored; its value never comes back. */
  stored: boolean;
  isUrl: boolean;
  value: string;
}

const labels: Partial<Record<string, MessageKey & `channel.field.${string}`>> = { url: "channel.field.url", signingSecret: "channel.field.signingSecret" };
const hints: Partial<Record<string, MessageKey & `channel.field.${string}`>> = { url: "channel.field.urlHint", signingSecret: "channel.field.signingSecretHint" };

/** Text members only: no channel of ours asks a person for anything else. */
export function channelFields(channel: Channel): ChannelField[] {
  const schema = asRecord(channel.userConfigSchema);
  const needed = Array.isArray(schema["required"]) ? schema["required"] : [];
  const stored = channel.secretsSet ?? [];
  const values = asRecord(channel.userConfig);
  return Object.entries(asRecord(schema["properties"])).flatMap(([name, value]) => {
    const property = asRecord(value);
    if (property["type"] !== "string" || property["x-hidden"] === true) return [];
    const label = labels[name];
    const hint = hints[name];
    return [
      {
        name,
        label: label ? t(label) : (asText(property["title"]) ?? name),
        hint: hint ? t(hint) : asText(property["description"]),
        required: needed.includes(name),
        secret: property["x-secret"] === true,
        stored: stored.includes(name),
        isUrl: property["format"] === "uri" || property["format"] === "url",
        value: asText(values[name]) ?? "",
      },
    ];
  });
}

/** What to send: an untouched secret is left out, which keeps the stored one; an emptied optional member goes as null, which clears it. */
export function userConfigOf(fields: readonly ChannelField[], typed: Record<string, string>): FreeForm {
  const config: FreeForm = {};
  for (const field of fields) {
    const value = (typed[field.name] ?? "").trim();
    if (value !== "") config[field.name] = value;
    else if (!field.secret && field.value !== "") config[field.name] = null;
  }
  return config;
}
