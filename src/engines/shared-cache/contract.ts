/** What every shared level must do: the sentences of `port.ts` as tests, for each adapter's own test to run. */
import { expect, test } from "vitest";
import type { SharedForm, SharedLevel } from "./port.ts";

export interface Text {
  readonly text: string;
}

/** Of the tests' values. */
export const textForm: SharedForm<bigint, Text> = {
  nameOf: (key) => `text:${key}`,
  encode: ({ text }) => Buffer.from(text),
  decode: (bytes) => ({ text: bytes.toString() }),
};

/** Levels of two processes that have been running for a while. `isShared`: whether they have anything in common. */
export function sharedLevelContract(
  open: () => Promise<{ levels: readonly [Level, Level]; keptMs: number; isShared: boolean }>,
): void {
  test("what nobody has shared isn't there", async () => {
    const { levels } = await open();
    for (const level of levels) expect((await level.getMany([1n, 2n])).size).toBe(0);
    expect((await levels[0].getMany([])).size).toBe(0);
  });

  test("what one shares others are given as it was, among what is missing, for what is left of its time", async () => {
    const { levels, keptMs, isShared } = await open();
    const [one, other] = levels;
    const start = one.begin();
    if (start) for (const key of [1n, 3n]) one.share(key, { text: `of ${key}\n\0ü` }, start);
    const got = async () => (await other.getMany([1n, 2n, 3n])).size;
    if (isShared) await expect.poll(got).toBe(2);
    else expect(await got()).toBe(0);
    for (const [key, { value, leftMs }] of await other.getMany([1n, 2n, 3n])) {
      expect(value).toEqual({ text: `of ${key}\n\0ü` });
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(keptMs);
    }
  });

  test("what was loaded too long ago isn't shared", async () => {
    const { levels, keptMs } = await open();
    const start = levels[0].begin();
    if (start) {
      levels[0].share(1n, { text: "old" }, { ...start, beganMs: start.beganMs - keptMs });
      levels[0].share(2n, { text: "new" }, start);
      await expect.poll(async () => (await levels[1].getMany([2n])).size).toBe(1);
    }
    expect((await levels[1].getMany([1n])).size).toBe(0);
  });
}

type Level = SharedLevel<bigint, Text>;
