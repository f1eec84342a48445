import { describe, expect, it } from "vitest";
import { Batcher } from "./batcher.ts";

class Refused extends Error {}

/** Runs that end when told; numbers give their double, negative ones spoil their batch. */
function doubling(options: { itemsMost?: number; batchesMost?: number; itemsForAnother?: number } = {}) {
  const runs: { items: readonly number[]; finish: () => void }[] = [];
  const batcher = new Batcher<number, number>({
    itemsMost: options.itemsMost ?? 100,
    batchesMost: options.batchesMost ?? 1,
    itemsForAnother: options.itemsForAnother ?? 1,
    hadNoEffect: (error) => error instanceof Refused,
    run: async (items) => {
      await new Promise<void>((finish) => runs.push({ items, finish }));
      if (items.some((item) => item === -1)) throw new Refused("-1");
      if (items.some((item) => item < 0)) throw new Error("lost");
      return items.map((item) => item * 2);
    },
  });
  /** Ends runs until none is left. */
  const finishAll = async () => {
    for (let i = 0; i < runs.length; i++) {
      runs[i]?.finish();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { batcher, runs, finishAll, sizes: () => runs.map(({ items }) => items.length) };
}

describe("a batcher", () => {
  it("starts at once when nothing runs, and takes together what comes meanwhile", async () => {
    const { batcher, finishAll, sizes } = doubling();
    const results = Promise.all([1, 2, 3].map((item) => batcher.add(item)));
    expect(sizes()).toEqual([1]);
    await finishAll();
    expect(await results).toEqual([2, 4, 6]);
    expect(sizes()).toEqual([1, 2]);
  });

  it("keeps to its bounds", async () => {
    const { batcher, finishAll, sizes } = doubling({ itemsMost: 2, batchesMost: 2 });
    const results = Promise.all([1, 2, 3, 4, 5].map((item) => batcher.add(item)));
    expect(sizes()).toEqual([1, 1]);
    await finishAll();
    expect(await results).toEqual([2, 4, 6, 8, 10]);
    expect(sizes()).toEqual([1, 1, 2, 1]);
  });

  it("starts another beside one under way only when it's worth it", async () => {
    const { batcher, finishAll, sizes } = doubling({ batchesMost: 2, itemsForAnother: 3 });
    const results = Promise.all([1, 2, 3, 4].map((item) => batcher.add(item)));
    expect(sizes()).toEqual([1, 3]);
    const last = batcher.add(5);
    await finishAll();
    expect(await results).toEqual([2, 4, 6, 8]);
    expect(await last).toBe(10);
  });

  it("tries items one by one when their batch certainly did nothing", async () => {
    const { batcher, finishAll } = doubling();
    const results = Promise.allSettled([1, 2, -1, 4].map((item) => batcher.add(item)));
    await finishAll();
    expect(
      (await results).map((result) => (result.status === "fulfilled" ? result.value : "refused")),
    ).toEqual([2, 4, "refused", 8]);
  });

  it("tries nothing again when it isn't known what was done", async () => {
    const { batcher, finishAll, sizes } = doubling();
    const results = Promise.allSettled([1, 2, -2, 4].map((item) => batcher.add(item)));
    await finishAll();
    expect((await results).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "rejected",
    ]);
    expect(sizes()).toEqual([1, 3]);
  });
});
