import { expect, test } from "vitest";
import { LOGICAL_SHARDS } from "../../core/ids.ts";
import type { Database } from "./pools.ts";
import { RecentWrites } from "./recent-writes.ts";
import { Shards } from "./shards.ts";

const LAG_MS_MAX = 1_000;
const FORGOTTEN_MS = 2_000;

/** After what was written before the start has become old. */
function begin() {
  const clock = { nowMs: () => nowMs };
  let nowMs = 1_000_000;
  const writes = new RecentWrites({ lagMsMax: LAG_MS_MAX, clock });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  pass(FORGOTTEN_MS);
  return { writes, pass };
}

test("whoever a change names, as its writer or by what it touched, reads what has replayed it; others don't wait", () => {
  const { writes } = begin();
  const kinds = [
    "accounts",
    "counts",
    "relations",
    "marks",
    "authorTimelines",
    "tokens",
    "writers",
    "owners",
  ] as const;
  kinds.forEach((kind, i) => {
    writes.note({ [kind]: [BigInt(i)], statuses: [99n] }, BigInt(100 + i));
    expect(writes.reading([BigInt(i)]).minLsn).toBe(BigInt(100 + i));
  });
  expect(writes.reading([0n, 3n, null]).minLsn).toBe(103n);
  expect(writes.reading([99n, null]).minLsn).toBe(0n);
});

test("who stands in for the primary has what was told since it was seen, unless something went unheard", () => {
  const { writes, pass } = begin();
  const seen = { lsn: 50n, askedMs: 1_000_000 + FORGOTTEN_MS };
  writes.lastSeen = () => seen;
  expect(writes.allSince({ lsn: 50n, askedMs: 1_000_000 })).toBeNull();
  expect(writes.allSince(seen)).toBe(50n);
  writes.note({ relations: [1n] }, 70n);
  writes.note({ relations: [2n] }, 60n);
  writes.note({ marks: [3n] }, 0n);
  expect(writes.allSince(seen)).toBe(70n);
  // Told late, and of the same history.
  writes.note({ relations: [4n] }, 40n);
  expect(writes.allSince(seen)).toBe(70n);
  pass(2_500);
  expect(writes.isReachedByOthers(seen)).toBe(false);
  writes.note({ marks: [3n] }, 0n);
  expect(writes.isReachedByOthers(seen)).toBe(false);
  writes.note({ relations: [5n] }, 71n);
  expect(writes.isReachedByOthers(seen)).toBe(true);
  expect(writes.allSince(seen)).toBe(71n);
  // Nobody comes to stand before where the primary was seen so long ago, but another primary.
  writes.note({ relations: [6n] }, 45n);
  expect(writes.allSince(seen)).toBeNull();
});

test("a reading heeds what becomes known after it began", () => {
  const { writes, pass } = begin();
  const reading = writes.reading([1n]);
  expect(reading.minLsn).toBe(0n);
  writes.note({ writers: [1n] }, 7n);
  expect(reading.minLsn).toBe(7n);
  writes.missed();
  expect(reading.minLsn).toBeNull();
  pass(FORGOTTEN_MS);
  expect(reading.minLsn).not.toBeNull();
});

test("what may have gone unheard is read from the primary, for as long as a replica may lack it", () => {
  const { writes, pass } = begin();
  writes.missed();
  pass(LAG_MS_MAX);
  expect(writes.reading([]).minLsn).toBeNull();
  pass(FORGOTTEN_MS);
  expect(writes.reading([]).minLsn).toBe(0n);
});

test("so is what has come to a database with a shard: it's told before the first read by the new map", () => {
  const { writes } = begin();
  const shards = new Shards({} as Database);
  const reading = writes.reading([1n]);
  shards.onSpread = () => writes.missed();
  shards.spread(Array.from({ length: LOGICAL_SHARDS }, () => ({}) as Database));
  expect(reading.minLsn).toBeNull();
});
