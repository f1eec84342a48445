import { beforeEach, expect, test } from "vitest";
import { KeySequences } from "./key-sequences.ts";

let done: string[] = [];
let sequences: KeySequences;
let now = 0;

beforeEach(() => {
  done = [];
  now = 10_000;
  const act = (name: string) =>
    [
      name,
      () => {
        done.push(name);
        return true;
      },
    ] as const;
  sequences = new KeySequences(["h", "n", "?", "g h", "g n"].map(act));
});

function type(...keys: string[]): void {
  for (const key of keys) press({ key, code: `Key${key.toUpperCase()}` });
}

function press(event: { key: string; code: string; ctrlKey?: boolean }): boolean {
  now += 100;
  return sequences.press({ ctrlKey: false, metaKey: false, altKey: false, timeStamp: now, ...event });
}

test("a sequence is not also its last key", () => {
  type("g", "h");
  expect(done).toEqual(["g h"]);
});

test("a finished sequence leaves nothing behind", () => {
  type("g", "h", "n");
  expect(done).toEqual(["g h", "n"]);
});

test("a sequence that was broken off by a pause is forgotten", () => {
  type("g");
  now += 2_000;
  type("n");
  expect(done).toEqual(["n"]);
});

test("keys with modifiers are the browser's", () => {
  expect(press({ key: "n", code: "KeyN", ctrlKey: true })).toBe(false);
  expect(done).toEqual([]);
});

test("works on a layout without Latin letters", () => {
  press({ key: "т", code: "KeyN" });
  expect(done).toEqual(["n"]);
});

test("takes what is typed, not where it is", () => {
  press({ key: "?", code: "Minus" });
  expect(done).toEqual(["?"]);
});
