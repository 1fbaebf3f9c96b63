import { en } from "./en";
import { locale } from "./locale";

type Messages = typeof en;
export type MessageKey = keyof Messages;

type Names<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type TextOf<M> = M extends string ? M : M extends { other: infer O } ? O : never;
type NamesOf<M> = Names<TextOf<M>> | (M extends { other: string } ? "count" : never);
type Arguments<M> = [NamesOf<M>] extends [never] ? [] : [values: Record<NamesOf<M>, string | number>];

const plural = new Intl.PluralRules(locale);

/** The text of a key with its {places} filled. Missing or misspelt places do not compile; `count` chooses the plural form. */
export function t<K extends MessageKey>(key: K, ...[values]: Arguments<Messages[K]>): string {
  const message: string | { one: string; other: string } = en[key];
  const filling = (values ?? {}) as Record<string, string | number>;
  const text = typeof message === "string" ? message : plural.select(Number(filling["count"])) === "one" ? message.one : message.other;
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(filling[name] ?? place));
}
