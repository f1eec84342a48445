import { describe, expect, test } from "vitest";
import { foldLatin } from "./fold.ts";

describe("one form for what people type in several ways", () => {
  test.each([
    ["été", "ete"],
    ["te\u0301le\u0301", "tele"],
    ["català", "catala"],
    ["ｆｏｏ", "foo"],
    ["İstanbul", "istanbul"],
    ["ıstanbul", "istanbul"],
    ["Łukasz Żak", "lukasz zak"],
    ["Việt", "viet"],
    ["Straße", "straße"],
    ["STRASSE", "strasse"],
  ])("%s is %s", (text, folded) => expect(foldLatin(text)).toBe(folded));

  test.each(["ประเทศไทย", "हिन्दी", "ёлка", "йод", "김철수", "ぼっち・ざ・ろっく", "عَرَبِي"])(
    "%s keeps its marks",
    (text) => {
      expect(foldLatin(text)).toBe(text.normalize("NFC"));
      expect(foldLatin(text.normalize("NFD"))).toBe(text.normalize("NFC"));
    },
  );

  test("is the same when done twice", () => {
    for (const text of ["ǅ", "ŉ", "ſ", "Ⅷ", "ﬁ", "µ"])
      expect(foldLatin(foldLatin(text))).toBe(foldLatin(text));
  });
});
