import { describe, expect, test } from "vitest";
import { hasPhrase, phraseOf, phraseText, vectorText, wordsOf } from "./words.ts";

const finds = (text: string, query: string, isExact = false) => {
  const phrase = phraseOf(query, isExact);
  return phrase !== null && hasPhrase(wordsOf([text]), phrase);
};

describe("what is found in a text", () => {
  test.each<[text: string, found: string[], notFound: string[]]>([
    ["The quick brown fox", ["quick", "QUI", "the", "brown-fox"], ["ick", "quickly", "brown-the"]],
    ["l’Équipe d'Ivoire", ["equipe", "l'equipe", "ivoire", "d’iv"], ["quipe", "livoire"]],
    ["C++ and C#", ["c++", "C#", "c", "++"], ["c+++", "d++"]],
    ["node.js @bob #Café 50%", ["node.js", "js", "@bob", "#cafe", "bob", "50%"], ["#bob", "@cafe", "5%"]],
    ["snake_case 🦊🐻", ["snake_case", "snake_", "case", "🐻", "🦊🐻"], ["🐻🦊", "_snake"]],
    ["東京都に行きました", ["東京", "京都", "都に行", "行きました", "東"], ["東都", "京東"]],
    ["日本語のtest文字", ["語のte", "test文", "のtest文字", "日本"], ["語test", "testの"]],
    ["한국어를 배워요", ["한국어", "국어", "배워", "요"], ["어배"]],
    ["ประเทศไทยสวยงาม", ["ไทย", "ประเทศ", "สวยงาม", "ทศ"], ["ไทยงาม"]],
    ["والكتاب الجديد", ["كتاب", "الكتاب", "جديد"], ["تابج"]],
    ["भारत का संविधान", ["संविधान", "विधान", "भार"], ["तका"]],
    ["Москва-Ёлка", ["москва", "елка", "моск"], ["осква"]],
  ])("%s", (text, found, notFound) => {
    for (const query of found) expect(finds(text, query), query).toBe(true);
    for (const query of notFound) expect(finds(text, query), query).toBe(false);
  });

  test("the last word of an exact phrase isn't a beginning", () => {
    expect(finds("foxes", "fox")).toBe(true);
    expect(finds("foxes", "fox", true)).toBe(false);
    expect(finds("東京都", "東", true)).toBe(true);
  });

  test("nothing is asked for by separators alone", () => {
    for (const text of ["", " ", "...", "—", "()", "''"]) expect(phraseOf(text)).toBeNull();
  });

  test("no phrase goes from one text to the next", () => {
    const words = wordsOf(["one two", "three four"]);
    expect(hasPhrase(words, phraseOf("two-three") ?? [])).toBe(false);
    expect(hasPhrase(words, phraseOf("three-four") ?? [])).toBe(true);
  });

  test("a word as long as a text is cut, and found by its beginning", () => {
    expect(finds("x".repeat(3_000), "x".repeat(2_000))).toBe(true);
    expect(Math.max(...[...wordsOf(["x".repeat(3_000)]).keys()].map((word) => word.length))).toBe(64);
  });
});

test("PostgreSQL's forms quote what it would read as syntax", () => {
  expect(vectorText(new Map([["it's\\", [1, 2]]]))).toBe("'it''s\\\\':1,2");
  expect(vectorText(new Map([["=public", []]]))).toBe("'=public'");
  expect(phraseText(phraseOf("l'eau") ?? [])).toBe("('l' <1> 'eau':*)");
  expect(phraseText(phraseOf("日本語te") ?? [])).toBe("('日本' <1> '本語' <2> 'te':*)");
});
