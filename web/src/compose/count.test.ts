import { expect, test } from "vitest";
import { lengthOf } from "./count.ts";

const length = (text: string, warning = "") => lengthOf(text, { warning, charactersPerUrl: 23 });

test("counts what people see as one character as one", () => {
  expect(length("héllo 👩‍👩‍👧‍👦 🇳🇱")).toBe(9);
});

test("counts every link the same", () => {
  expect(length("a https://example.org/a/very/long/path?with=a&query=string")).toBe(2 + 23);
  expect(length("https://a.b https://c.d")).toBe(23 + 1 + 23);
});

test("leaves the host of a mention out", () => {
  expect(length("@wren@birds.example hi")).toBe("@wren hi".length);
});

test("counts the warning too", () => {
  expect(length("text", "food")).toBe(8);
});

test("counts as the server does in any language", () => {
  expect(length("看https://example.com/path，很好")).toBe(1 + 23 + 3);
  expect(length("https://fr.wikipedia.org/wiki/L’Équipe.")).toBe(23 + 1);
  expect(length("  a\n")).toBe(1);
});
