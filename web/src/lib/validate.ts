import { t } from "./i18n/t";

/** Each answers what is wrong with what was typed, or undefined. The server decides; these only answer sooner. */

export function required(value: string, max: number): string | undefined {
  if (value.trim() === "") return t("form.required");
  return value.trim().length > max ? t("form.tooLong", { max }) : undefined;
}

export function email(value: string): string | undefined {
  return /^[^\s@]+@[^\s@]+$/.test(value.trim()) ? undefined : t("form.email");
}

export function httpUrl(value: string): string | undefined {
  const url = URL.canParse(value.trim()) ? new URL(value.trim()) : undefined;
  return url?.protocol === "http:" || url?.protocol === "https:" ? undefined : t("form.url");
}

export function integer(value: string, min: number, max: number): string | undefined {
  const number = Number(value);
  return /^\d+$/.test(value.trim()) && number >= min && number <= max ? undefined : t("form.integer", { min, max });
}

export function newPassword(value: string): string | undefined {
  const fits = value.length >= 8 && value.length <= 128 && /\p{Lu}/u.test(value) && /\p{Ll}/u.test(value) && /\d/.test(value);
  return fits ? undefined : t("form.password");
}
