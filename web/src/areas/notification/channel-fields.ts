import type { MessageKey } from "@/lib/i18n/later";
import { t } from "@/lib/i18n/later";
import { plainText } from "@/lib/plain-text";
import { asRecord, asText, type FreeForm } from "@/lib/record";
import { httpUrl, integer, required } from "@/lib/validate";
import type { Channel, Strategy } from "./queries";

/** One input of a channel's form, read from the JSON Schema the server gives for it. */
export interface ChannelField {
  name: string;
  label: string;
  hint: string | undefined;
  kind: "text" | "number" | "boolean" | "choice";
  required: boolean;
  secret: boolean;
  /** A secret that is stored; its value never comes back. */
  stored: boolean;
  isUrl: boolean;
  /** What may be chosen. */
  options: string[];
  min: number;
  max: number;
  /** As it is edited: what is stored, else what holds without it. */
  value: string | boolean;
  /** What holds when nothing is stored. */
  fallback: string | boolean;
}

export type Typed = Record<string, string | boolean>;

const labels: Partial<Record<string, MessageKey & `channel.field.${string}`>> = { url: "channel.field.url", signingSecret: "channel.field.signingSecret" };
const hints: Partial<Record<string, MessageKey & `channel.field.${string}`>> = { url: "channel.field.urlHint", signingSecret: "channel.field.signingSecretHint" };

/** What its user sets of a channel. */
export function channelFields({ userConfigSchema, userConfig, secretsSet }: Channel): ChannelField[] {
  return fieldsOf(userConfigSchema, userConfig, secretsSet);
}

/** What an administrator sets of a channel, for everybody. */
export function strategyFields({ configSchema, config, secretsSet }: Strategy): ChannelField[] {
  return fieldsOf(configSchema, config, secretsSet);
}

/** Members that are one value each; what a form cannot show is left to the API, and kept when the form is saved. */
function fieldsOf(jsonSchema: unknown, config: unknown, secretsSet: readonly string[] = []): ChannelField[] {
  const schema = asRecord(jsonSchema);
  const needed = Array.isArray(schema["required"]) ? schema["required"] : [];
  const values = asRecord(config);
  return Object.entries(asRecord(schema["properties"])).flatMap(([name, value]) => {
    const property = asRecord(value);
    const kind = kindOf(property);
    if (kind === undefined || property["x-hidden"] === true) return [];
    const label = labels[name];
    const hint = hints[name];
    const description = asText(property["description"]);
    const secret = property["x-secret"] === true;
    return [
      {
        name,
        kind,
        label: label ? t(label) : (asText(property["title"]) ?? name),
        hint: hint ? t(hint) : description && plainText(description),
        required: needed.includes(name),
        secret,
        stored: secretsSet.includes(name),
        isUrl: property["format"] === "uri" || property["format"] === "url",
        options: Array.isArray(property["enum"]) ? property["enum"].map(String) : [],
        min: asNumber(property["minimum"]) ?? 0,
        max: asNumber(property["maximum"]) ?? Number.MAX_SAFE_INTEGER,
        value: secret ? "" : edited(kind, values[name] ?? property["default"]),
        fallback: secret ? "" : edited(kind, property["default"]),
      },
    ];
  });
}

function kindOf(property: FreeForm): ChannelField["kind"] | undefined {
  if (Array.isArray(property["enum"])) return "choice";
  if (property["type"] === "string") return "text";
  if (property["type"] === "integer") return "number";
  return property["type"] === "boolean" ? "boolean" : undefined;
}

const asNumber = (value: unknown) => (typeof value === "number" ? value : undefined);

function edited(kind: ChannelField["kind"], value: unknown): string | boolean {
  if (kind === "boolean") return value === true;
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** What is wrong with what was typed into a field. */
export function mistakeOf(field: ChannelField, typed: string | boolean | undefined): string | undefined {
  if (field.kind === "boolean") return undefined;
  const text = String(typed ?? "").trim();
  if (text === "") return field.required && !(field.secret && field.stored) ? required(text, 2048) : undefined;
  if (field.kind === "number") return integer(text, field.min, field.max);
  return field.isUrl ? httpUrl(text) : undefined;
}

export interface Judging {
  /** Something must be typed, whatever the schema requires: some channels take one secret or another. */
  something?: boolean;
}

/** What is wrong with what was typed into a form, by field. */
export function mistakesOf(fields: readonly ChannelField[], typed: Typed, { something = false }: Judging = {}): Record<string, string | undefined> {
  const mistakes = Object.fromEntries(fields.map((field) => [field.name, mistakeOf(field, typed[field.name])]));
  const texts = fields.filter(({ kind }) => kind !== "boolean");
  const [first] = texts;
  if (something && first && texts.every(({ name, stored }) => !stored && typed[name] === "")) mistakes[first.name] = required("", 1);
  return mistakes;
}

/** Whether something is missing that the schema requires. */
export function isIncomplete(fields: readonly ChannelField[]): boolean {
  return fields.some((field) => field.required && !field.stored && field.value === "");
}

/** What to send: an untouched secret is left out, which keeps the stored one; an emptied optional member goes as null, which clears it. */
export function configOf(fields: readonly ChannelField[], typed: Typed): FreeForm {
  const config: FreeForm = {};
  for (const field of fields) {
    const value = typed[field.name] ?? "";
    const text = String(value).trim();
    if (field.kind === "boolean") config[field.name] = value === true;
    else if (text !== "") config[field.name] = field.kind === "number" ? Number(text) : text;
    else if (!field.secret && field.value !== "") config[field.name] = null;
  }
  return config;
}

/** What the form shows once that is saved: secrets are gone from it, and what was emptied is what holds without it. */
export function savedForm(fields: readonly ChannelField[], typed: Typed): Typed {
  return Object.fromEntries(
    fields.map((field) => {
      const value = typed[field.name] ?? "";
      return [field.name, field.secret ? "" : typeof value === "string" ? value.trim() || field.fallback : value];
    }),
  );
}

/** Whether saving would change anything. */
export function isUnsaved(fields: readonly ChannelField[], typed: Typed): boolean {
  const saved = savedForm(fields, typed);
  return fields.some(({ name, secret, value }) => (secret ? typed[name] !== "" : saved[name] !== value));
}
