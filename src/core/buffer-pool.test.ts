import { expect, it } from "vitest";
import { BufferPool } from "./buffer-pool.ts";

const pieces = (...texts: string[]) => texts.map((text) => Buffer.from(text));

it("puts the pieces together", () => {
  const pool = new BufferPool();
  expect(pool.concat(pieces("one", ", ", "two")).toString()).toBe("one, two");
  expect(pool.concat([]).toString()).toBe("");
});

it("uses again what was given back, and nothing else", () => {
  const pool = new BufferPool();
  const first = pool.concat(pieces("first"));
  const second = pool.concat(pieces("second"));
  expect(second.buffer).not.toBe(first.buffer);
  pool.giveBack(first);
  const third = pool.concat(pieces("third one"));
  expect(third.buffer).toBe(first.buffer);
  expect([third.toString(), second.toString()]).toEqual(["third one", "second"]);
});

it("takes any size, and keeps only its own", () => {
  const pool = new BufferPool();
  const large = Buffer.alloc(100_000, "x");
  const whole = pool.concat([large, large]);
  expect(whole.length).toBe(200_000);
  pool.giveBack(whole);
  pool.giveBack(Buffer.from("a stranger"));
  expect(pool.concat(pieces("new")).buffer.byteLength).toBe(64 * 1024);
});
