import { locale } from "./locale";

type Message = string | { readonly one: string; readonly other: string };

type Names<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type TextOf<M> = M extends string ? M : M extends { other: infer O } ? O : never;
type NamesOf<M> = Names<TextOf<M>> | (M extends { other: string } ? "count" : never);
type Arguments<M> = [NamesOf<M>] extends [never] ? [] : [values: Record<NamesOf<M>, string | number>];

const plural = new Intl.PluralRules(locale);

/**
 * Makes the function that answers the text of a key with its {places} filled. Missing or misspelt places do not compile; `count` chooses
 * the plural form.
 */
export function translator<M extends Record<string, Message>>(messages: M) {
  return <K extends keyof M & string>(key: K, ...[values]: Arguments<M[K]>): string => {
    const message: Message = messages[key] as Message;
    const filling = (values ?? {}) as Record<string, string | number>;
    const text = typeof message === "string" ? message : plural.select(Number(filling["count"])) === "one" ? message.one : message.other;
    return text.replace(/\{(\w+)\}/g, (place, name: string) => String(filling[name] ?? place));
  };
}
