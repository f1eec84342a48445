/** What every timeline store must do: the sentences of `port.ts` as tests, for each adapter's own test to run. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../core/random.ts";
import type { TimelineStore } from "./port.ts";

const VIEWER = 1n;
const OTHER = 2n;
const STEPS = 4_000;

/** Two handles on one empty store that keeps at most `maxEntries`. An adapter of one process gives the same twice. */
export type OpenStores = (maxEntries: number) => Promise<[TimelineStore, TimelineStore]>;

export function timelineStoreContract(open: OpenStores): void {
  let a: TimelineStore;
  let b: TimelineStore;

  beforeEach(async () => {
    [a, b] = await open(5);
  });
  afterEach(async () => {
    await a[Symbol.asyncDispose]();
    if (b !== a) await b[Symbol.asyncDispose]();
  });

  async function build(entries: bigint[], floor = 0n, epoch = 0n): Promise<void> {
    const ticket = await a.beginBuild(VIEWER);
    expect(await a.finishBuild(VIEWER, ticket, { entries, floor, epoch })).toBe("built");
  }
  const entriesOf = async (store = b) => {
    const read = await store.read(VIEWER, null, 100);
    return read.state === "hit" ? read.entries : read.state;
  };

  describe("reading", () => {
    test("a timeline that nobody built is a miss, not an empty one", async () => {
      expect(await b.read(VIEWER, null, 10)).toEqual({ state: "miss" });
    });

    test("an empty timeline is a hit", async () => {
      await build([]);
      expect(await b.read(VIEWER, null, 10)).toEqual({ state: "hit", entries: [], floor: 0n, epoch: 0n });
    });

    test("gives ids strictly below the cursor, newest first, as many as asked for", async () => {
      await build([50n, 40n, 30n, 20n], 10n, 7n);
      expect(await b.read(VIEWER, null, 2)).toEqual({
        state: "hit",
        entries: [50n, 40n],
        floor: 10n,
        epoch: 7n,
      });
      expect(await b.read(VIEWER, 40n, 10)).toMatchObject({ entries: [30n, 20n] });
      expect(await b.read(VIEWER, 41n, 1)).toMatchObject({ entries: [40n] });
      expect(await b.read(VIEWER, 20n, 10)).toMatchObject({ entries: [], floor: 10n });
      expect(await b.read(VIEWER, null, 0)).toMatchObject({ state: "hit", entries: [] });
    });

    test("keeps ids of all 63 bits apart", async () => {
      const top = (1n << 63n) - 1n;
      await build([top, top - 1n, (1n << 53n) + 1n, 1n << 53n]);
      expect(await entriesOf()).toEqual([top, top - 1n, (1n << 53n) + 1n, 1n << 53n]);
    });
  });

  describe("appending", () => {
    test("late ones get their place, near the newest and far down, once each and above the floor", async () => {
      const [long, other] = await open(200);
      try {
        const even = Array.from({ length: 190 }, (_, i) => BigInt(1_000 - 2 * i));
        const ticket = await long.beginBuild(VIEWER);
        await long.finishBuild(VIEWER, ticket, { entries: even, floor: 600n, epoch: 0n });
        const kept = new Set(even);
        const random = seededRandom(7);
        for (let i = 0; i < 400; i++) {
          const depth = random.pick([5, 32, 34, 70, 420]);
          const id = BigInt(1_010 - random.below(depth));
          if (await other.append(id, [VIEWER])) kept.add(id);
          const newestFirst = [...kept].sort((x, y) => Number(y - x)).slice(0, 200);
          const read = await long.read(VIEWER, null, 1_000);
          expect(read, `after ${id}, the ${i + 1}th`).toMatchObject({ state: "hit", entries: newestFirst });
        }
      } finally {
        await long[Symbol.asyncDispose]();
        if (other !== long) await other[Symbol.asyncDispose]();
      }
    });

    test("leaves a missing timeline missing", async () => {
      expect(await a.append(10n, [VIEWER])).toBe(0);
      expect(await entriesOf()).toBe("miss");
    });

    test("goes to those of the viewers that have a timeline", async () => {
      await build([10n]);
      expect(await a.append(20n, [VIEWER, OTHER])).toBe(1);
      expect(await entriesOf()).toEqual([20n, 10n]);
      expect(await b.read(OTHER, null, 10)).toEqual({ state: "miss" });
    });

    test("puts a late id in its place, and one that is there already nowhere", async () => {
      await build([30n, 10n]);
      await a.append(20n, [VIEWER]);
      expect(await b.append(20n, [VIEWER])).toBe(1);
      expect(await entriesOf()).toEqual([30n, 20n, 10n]);
    });

    test("leaves out ids below the floor, and takes the floor itself", async () => {
      await build([30n], 20n);
      expect(await a.append(19n, [VIEWER])).toBe(0);
      expect(await a.append(20n, [VIEWER])).toBe(1);
      expect(await entriesOf()).toEqual([30n, 20n]);
    });

    test("trims to the newest entries and raises the floor to the oldest that is left", async () => {
      await build([50n, 40n, 30n, 20n, 10n]);
      await a.append(60n, [VIEWER]);
      expect(await b.read(VIEWER, null, 100)).toEqual({
        state: "hit",
        entries: [60n, 50n, 40n, 30n, 20n],
        floor: 20n,
        epoch: 0n,
      });
      await a.append(15n, [VIEWER]);
      expect(await entriesOf()).toEqual([60n, 50n, 40n, 30n, 20n]);
    });

    test("with no viewers does nothing", async () => {
      expect(await a.append(10n, [])).toBe(0);
    });
  });

  describe("building", () => {
    test("takes in what was appended since it began", async () => {
      const ticket = await a.beginBuild(VIEWER);
      await b.append(30n, [VIEWER]);
      await b.append(20n, [VIEWER]);
      expect(await entriesOf()).toBe("miss");
      await a.finishBuild(VIEWER, ticket, { entries: [20n, 10n], floor: 0n, epoch: 0n });
      expect(await entriesOf()).toEqual([30n, 20n, 10n]);
    });

    test("leaves out what was appended below its floor", async () => {
      const ticket = await a.beginBuild(VIEWER);
      await b.append(5n, [VIEWER]);
      await a.finishBuild(VIEWER, ticket, { entries: [20n], floor: 10n, epoch: 0n });
      expect(await entriesOf()).toEqual([20n]);
    });

    test("trims a build that is too long, raising its floor", async () => {
      await build([70n, 60n, 50n, 40n, 30n, 20n, 10n]);
      expect(await b.read(VIEWER, null, 100)).toMatchObject({
        entries: [70n, 60n, 50n, 40n, 30n],
        floor: 30n,
      });
    });

    test("replaces the timeline there was, which answers until then", async () => {
      await build([10n], 0n, 1n);
      const ticket = await a.beginBuild(VIEWER);
      await b.append(20n, [VIEWER]);
      expect(await entriesOf()).toEqual([20n, 10n]);
      await a.finishBuild(VIEWER, ticket, { entries: [15n], floor: 12n, epoch: 2n });
      expect(await b.read(VIEWER, null, 100)).toEqual({
        state: "hit",
        entries: [20n, 15n],
        floor: 12n,
        epoch: 2n,
      });
    });

    test("is stale once another build began", async () => {
      const first = await a.beginBuild(VIEWER);
      const second = await b.beginBuild(VIEWER);
      const built = { entries: [10n], floor: 0n, epoch: 0n };
      expect(await a.finishBuild(VIEWER, first, { ...built, entries: [99n] })).toBe("stale");
      expect(await b.finishBuild(VIEWER, second, built)).toBe("built");
      expect(await entriesOf()).toEqual([10n]);
    });

    test("is stale once the timeline was dropped", async () => {
      const ticket = await a.beginBuild(VIEWER);
      await b.drop(VIEWER);
      expect(await a.finishBuild(VIEWER, ticket, { entries: [10n], floor: 0n, epoch: 0n })).toBe("stale");
      expect(await entriesOf()).toBe("miss");
    });

    test("can't be finished twice", async () => {
      const ticket = await a.beginBuild(VIEWER);
      const built = { entries: [10n], floor: 0n, epoch: 0n };
      await a.finishBuild(VIEWER, ticket, built);
      expect(await a.finishBuild(VIEWER, ticket, built)).toBe("stale");
    });

    test("is stale once a relation changed", async () => {
      const ticket = await a.beginBuild(VIEWER);
      const change = { entries: [], floor: 0n, fromEpoch: 0n, toEpoch: 1n };
      expect(await b.merge(VIEWER, change)).toBe("missing");
      expect(await a.finishBuild(VIEWER, ticket, { entries: [10n], floor: 0n, epoch: 0n })).toBe("stale");
    });
  });

  describe("merging", () => {
    test("adds the entries and moves the epoch on", async () => {
      await build([30n, 10n], 5n, 3n);
      const change = { entries: [40n, 20n, 4n], floor: 5n, fromEpoch: 3n, toEpoch: 4n };
      expect(await a.merge(VIEWER, change)).toBe("merged");
      expect(await b.read(VIEWER, null, 100)).toEqual({
        state: "hit",
        entries: [40n, 30n, 20n, 10n],
        floor: 5n,
        epoch: 4n,
      });
    });

    test("drops a timeline of another epoch", async () => {
      await build([10n], 0n, 3n);
      const change = { entries: [20n], floor: 0n, fromEpoch: 4n, toEpoch: 5n };
      expect(await a.merge(VIEWER, change)).toBe("stale");
      expect(await entriesOf()).toBe("miss");
    });

    test("drops a timeline that reaches deeper than the change", async () => {
      await build([10n], 0n);
      const change = { entries: [20n], floor: 5n, fromEpoch: 0n, toEpoch: 1n };
      expect(await a.merge(VIEWER, change)).toBe("stale");
      expect(await entriesOf()).toBe("miss");
    });

    test("trims, raising the floor", async () => {
      await build([50n, 40n, 30n, 20n]);
      await a.merge(VIEWER, { entries: [60n, 10n], floor: 0n, fromEpoch: 0n, toEpoch: 1n });
      expect(await b.read(VIEWER, null, 100)).toMatchObject({
        entries: [60n, 50n, 40n, 30n, 20n],
        floor: 20n,
      });
    });
  });

  describe("removing and dropping", () => {
    test("takes ids out wherever they are, and only for these viewers", async () => {
      await build([30n, 20n, 10n]);
      await a.remove([20n, 99n], [VIEWER, OTHER]);
      expect(await entriesOf()).toEqual([30n, 10n]);
      await a.remove([30n], [OTHER]);
      expect(await entriesOf()).toEqual([30n, 10n]);
    });

    test("makes a timeline missing", async () => {
      await build([10n]);
      await a.drop(VIEWER);
      await a.drop(OTHER);
      expect(await entriesOf()).toBe("miss");
    });
  });

  test("does what a list of numbers would, whatever is asked of it in whatever order", async () => {
    const seed = 20_261_123;
    const random = seededRandom(seed);
    const model = new Model(5);
    let ticket = await a.beginBuild(VIEWER);
    model.begin();
    for (let step = 0; step < STEPS; step++) {
      const store = random.chance(0.5) ? a : b;
      const id = BigInt(1 + random.below(40));
      const entries = [
        ...new Set(Array.from({ length: random.below(8) }, () => BigInt(1 + random.below(40)))),
      ];
      entries.sort((x, y) => Number(y - x));
      const floor = BigInt(random.below(12));
      const epoch = BigInt(random.below(3));
      const told = `step ${step} of seed ${seed}`;
      switch (random.below(8)) {
        case 0:
          ticket = await store.beginBuild(VIEWER);
          model.begin();
          break;
        case 1:
        case 2: {
          const built = { entries: entries.filter((entry) => entry >= floor), floor, epoch };
          expect(await store.finishBuild(VIEWER, ticket, built), told).toBe(model.finish(built));
          break;
        }
        case 3: {
          const change = { entries, floor, fromEpoch: epoch, toEpoch: epoch + 1n };
          expect(await store.merge(VIEWER, change), told).toBe(model.merge(change));
          break;
        }
        case 4:
          await store.remove([id], [VIEWER]);
          model.remove(id);
          break;
        case 5:
          if (random.chance(0.3)) {
            await store.drop(VIEWER);
            model.drop();
          }
          break;
        default:
          await store.append(id, [VIEWER]);
          model.append(id);
      }
      expect(await (store === a ? b : a).read(VIEWER, id, 3), told).toEqual(model.read(id, 3));
    }
  });
}

interface ModelTimeline {
  ids: bigint[];
  floor: bigint;
  epoch: bigint;
}

/** One viewer's timeline as a sorted list. */
class Model {
  readonly #maxEntries: number;
  #stored: ModelTimeline | null = null;
  #pending: bigint[] | null = null;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  read(before: bigint, limit: number) {
    if (!this.#stored) return { state: "miss" };
    const { ids, floor, epoch } = this.#stored;
    return { state: "hit", entries: ids.filter((id) => id < before).slice(0, limit), floor, epoch };
  }

  append(id: bigint): void {
    this.#pending?.push(id);
    this.#add([id]);
  }

  begin(): void {
    this.#pending = [];
  }

  finish(built: { entries: bigint[]; floor: bigint; epoch: bigint }): "built" | "stale" {
    if (!this.#pending) return "stale";
    this.#stored = { ids: [], floor: built.floor, epoch: built.epoch };
    this.#add([...built.entries, ...this.#pending]);
    this.#pending = null;
    return "built";
  }

  merge(change: { entries: bigint[]; floor: bigint; fromEpoch: bigint; toEpoch: bigint }) {
    this.#pending = null;
    if (!this.#stored) return "missing";
    if (this.#stored.epoch !== change.fromEpoch || this.#stored.floor < change.floor) {
      this.#stored = null;
      return "stale";
    }
    this.#stored.epoch = change.toEpoch;
    this.#add(change.entries);
    return "merged";
  }

  remove(id: bigint): void {
    if (this.#stored) this.#stored.ids = this.#stored.ids.filter((other) => other !== id);
  }

  drop(): void {
    this.#stored = null;
    this.#pending = null;
  }

  #add(added: bigint[]): void {
    const stored = this.#stored;
    if (!stored) return;
    const ids = new Set([...stored.ids, ...added.filter((id) => id >= stored.floor)]);
    stored.ids = [...ids].sort((x, y) => Number(y - x));
    if (stored.ids.length <= this.#maxEntries) return;
    stored.ids.length = this.#maxEntries;
    stored.floor = stored.ids.at(-1) ?? stored.floor;
  }
}
