import { describe, expect, test } from "vitest";
import { completableAt, completed, emojiFor } from "./completion.ts";

const at = (text: string) => {
  const cursor = text.indexOf("|");
  const found = completableAt(text.replace("|", ""), cursor);
  return found && `${found.kind} ${found.query}`;
};

describe("what is completed at the cursor", () => {
  test.each([
    ["@riv|", "account riv"],
    ["hello @riv|", "account riv"],
    ["(@riv|", "account riv"],
    ["「@riv|", "account riv"],
    ["@riv| and more", "account riv"],
    ["#ubu|", "tag ubu"],
    ["＃ubu|", "tag ubu"],
    ["#été|", "tag été"],
    ["#タグ|", "tag タグ"],
    [":smi|", "emoji smi"],
  ])("%s is %s", (text, found) => expect(at(text)).toBe(found));

  test.each([
    "@|",
    "#|",
    ":s|",
    "me@exam|",
    "https://a.example/@riv|",
    "12:30|",
    "@riv |",
    "::smi|",
    "&#39|",
  ])("%s is nothing", (text) => expect(at(text)).toBeNull());
});

test("a completion takes the place of what was typed, and the cursor goes behind it", () => {
  const text = "Hi @riv, hello";
  const found = completableAt(text, 7);
  expect(found && completed(text, found, { key: "1", text: "@river" })).toEqual({
    text: "Hi @river , hello",
    cursor: 10,
  });
  const spaced = "Hi @riv hello";
  const again = completableAt(spaced, 7);
  expect(again && completed(spaced, again, { key: "1", text: "@river" })).toEqual({
    text: "Hi @river hello",
    cursor: 10,
  });
});

test("emoji are found by name before keywords", () => {
  const emoji = { "😀": ["grinning_face", "smile"], "🙂": ["slightly_smiling_face"], "🎉": ["party_popper"] };
  expect(emojiFor("smi", emoji, 5).map((one) => one.emoji)).toEqual(["🙂", "😀"]);
  expect(emojiFor("none", emoji, 5)).toEqual([]);
});
