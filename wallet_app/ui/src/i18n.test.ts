import { describe, expect, test } from "vitest";
import { CATALOGUES, formatSoon, LANGUAGES, preferredLanguage, translator } from "./i18n";

const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

describe.each(LANGUAGES)("the %s catalogue", (language) => {
  const entries = Object.entries(CATALOGUES[language]);

  test("has exactly the keys of the English one, in the same order", () => {
    expect(entries.map(([key]) => key)).toEqual(Object.keys(CATALOGUES.en));
  });

  test("says something under every key, with the same placeholders", () => {
    for (const [key, text] of entries) {
      expect(text.trim(), key).not.toBe("");
      expect(placeholders(text), key).toEqual(placeholders(CATALOGUES.en[key as keyof (typeof CATALOGUES)["en"]]));
    }
  });
});

test("the two Chinese catalogues use their own script", () => {
  const hant = Object.values(CATALOGUES["zh-Hant"]).join("");
  const hans = Object.values(CATALOGUES["zh-Hans"]).join("");
  expect(hant).not.toMatch(/[关码脸证网时个这请设备为]/u);
  expect(hans).not.toMatch(/[關碼臉證網時個這請設備為]/u);
  expect(hant + hans).not.toMatch(/[,:;?!()]/); // full-width marks, as Chinese is set
});

test("placeholders are filled and unknown ones stay visible", () => {
  expect(translator("en")("home.hello", { name: "Chan" })).toBe("Hello, Chan");
  expect(translator("en")("home.hello")).toBe("Hello, {name}");
});

test.each([
  [null, ["zh-HK"], "zh-Hant"],
  [null, ["zh-MO", "pt"], "zh-Hant"],
  [null, ["zh-CN"], "zh-Hans"],
  [null, ["zh"], "zh-Hans"],
  [null, ["zh-Hant-CN"], "zh-Hant"],
  [null, ["yue"], "zh-Hant"],
  [null, ["fr", "pt-PT"], "pt"],
  [null, ["fr"], "zh-Hant"],
  [null, [], "zh-Hant"],
  ["pt", ["en"], "pt"],
  ["tlh", ["en-GB"], "en"],
] as const)("stored %s and browser %j give %s", (stored, browser, expected) => {
  expect(preferredLanguage(stored, browser)).toBe(expected);
});

test("a time of today is said without its day", () => {
  const at = new Date(2026, 2, 1, 16, 5).getTime();
  expect(formatSoon("en", at, at - 60_000)).toBe("16:05");
  expect(formatSoon("en", at, at - 86_400_000)).toBe("1 Mar 2026, 16:05");
  expect(formatSoon("pt", at, at)).toBe("16:05");
});
