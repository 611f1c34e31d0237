/** The wallet's four languages: one catalogue file each with the same keys, placeholders in braces. */
import en from "./messages/en.json";
import pt from "./messages/pt.json";
import zhHans from "./messages/zh-Hans.json";
import zhHant from "./messages/zh-Hant.json";

export type Key = keyof typeof en;
export type Values = Readonly<Record<string, string | number>>;
export type Translate = (key: Key, values?: Values) => string;

export const LANGUAGES = ["zh-Hant", "zh-Hans", "en", "pt"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each in its own words, as a person looking for it would read it. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  "zh-Hant": "繁體中文",
  "zh-Hans": "简体中文",
  en: "English",
  pt: "Português",
};

export const CATALOGUES: Readonly<Record<Language, Readonly<Record<Key, string>>>> = { en, pt, "zh-Hans": zhHans, "zh-Hant": zhHant };

const STORED = "tongguan.language";

/** The language chosen before, else the first of the browser's that we have, else 繁體中文. */
export function preferredLanguage(stored: string | null, browser: readonly string[]): Language {
  const kept = LANGUAGES.find((language) => language === stored);
  return kept ?? browser.map(matchLanguage).find((language) => language !== undefined) ?? "zh-Hant";
}

/** RFC 4647 lookup, with the regions that imply a script. */
function matchLanguage(tag: string): Language | undefined {
  const parts = tag.toLowerCase().split("-");
  if (parts[0] === "en" || parts[0] === "pt") return parts[0];
  if (parts[0] === "yue") return "zh-Hant";
  if (parts[0] !== "zh") return undefined;
  if (parts.includes("hans")) return "zh-Hans";
  return parts.some((part) => ["hant", "hk", "mo", "tw"].includes(part)) ? "zh-Hant" : "zh-Hans";
}

export function storedLanguage(): string | null {
  return localStorage.getItem(STORED);
}

export function storeLanguage(language: Language): void {
  localStorage.setItem(STORED, language);
}

export function translator(language: Language): Translate {
  const catalogue = CATALOGUES[language];
  return (key, values = {}) => catalogue[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function isKey(key: string): key is Key {
  return Object.hasOwn(en, key);
}

/** Regions decide how days are written; hours count to 24 everywhere, as on departure boards. */
const REGIONS: Readonly<Record<Language, string>> = { "zh-Hant": "zh-Hant-HK", "zh-Hans": "zh-Hans-CN", en: "en-GB", pt: "pt-PT" };

/** 2026年11月21日, 21 Nov 2026, 21/11/2026. */
const dateStyle = (language: Language): "long" | "medium" => (language.startsWith("zh") ? "long" : "medium");

/** Day and time to the minute, in the phone's time zone. */
export function formatTime(language: Language, at: number): string {
  return new Intl.DateTimeFormat(REGIONS[language], { dateStyle: dateStyle(language), timeStyle: "short", hourCycle: "h23" }).format(at);
}

export function formatDay(language: Language, at: number): string {
  return new Intl.DateTimeFormat(REGIONS[language], { dateStyle: dateStyle(language) }).format(at);
}

/** The time alone when it is today's, seen from `now`. */
export function formatSoon(language: Language, at: number, now: number): string {
  if (new Date(at).toDateString() !== new Date(now).toDateString()) return formatTime(language, at);
  return new Intl.DateTimeFormat(REGIONS[language], { timeStyle: "short", hourCycle: "h23" }).format(at);
}
