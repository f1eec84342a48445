import { expect, test } from "vitest";
import { ownedIds, type Stale } from "./invalidation.ts";

test("what accounts own is told apart from the directory, whatever else is told with it", () => {
  const owned: Stale = {
    statuses: [1n],
    marks: [2n],
    authorTimelines: [3n],
    counts: [4n],
    countsElsewhere: [5n],
    owners: [6n],
  };
  expect(ownedIds(owned)).toEqual([1n, 2n, 3n, 4n, 5n, 6n]);
  expect(ownedIds({})).toBeNull();
  const directory: Stale[] = [
    { accounts: [1n] },
    { relations: [1n] },
    { tokens: [1n] },
    { appTokens: [1n] },
    { fanOutModes: true },
    { writers: [1n] },
  ];
  for (const stale of directory) {
    expect(ownedIds(stale)).toBeNull();
    expect(ownedIds({ ...owned, ...stale })).toBeNull();
  }
});
