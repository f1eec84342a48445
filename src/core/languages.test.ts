import { expect, test } from "vitest";
import { normaliseLanguage } from "./languages.ts";

test.each([
  ["en", "en"],
  ["EN", "en"],
  ["en_US", "en"],
  ["en-GB", "en"],
  ["pt-BR", "pt"],
  ["sr-Latn", "sr"],
  ["zh", "zh"],
  ["zh-TW", "zh-TW"],
  ["zh_cn", "zh-CN"],
  ["zh-hk", "zh-HK"],
  ["zh-Hant-TW", "zh"],
  ["eng", "en"],
  ["deu-AT", "de"],
  ["tl", "tl"],
  ["tw", "tw"],
  ["no", "no"],
  ["nb-NO", "nb"],
  ["tok", "tok"],
  ["kab", "kab"],
  ["ldn", "ldn"],
  ["zh-YUE", "zh-YUE"],
  ["iw", "iw"],
])("%s is %s", (tag, language) => {
  expect(normaliseLanguage(tag)).toBe(language);
});

test.each([
  "",
  "x",
  "xx",
  "qqq",
  "english",
  "en--US",
  "en US",
  "<script>",
  "en\u0000",
  "und-",
  "e".repeat(10_000),
  `en${"-a".repeat(20)}`,
  null,
])("%j is no language", (tag) => {
  expect(normaliseLanguage(tag)).toBeNull();
});
