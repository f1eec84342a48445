import { expect, test } from "vitest";
import { fullPage, type Page } from "./page.ts";
import { seededRandom } from "./random.ts";

const SEED = Number(process.env.PROPERTY_SEED ?? 7);

/** What a list of these rows answers for a page, newest first. */
function cut(rows: readonly bigint[], { before, after, edge, limit }: Page): bigint[] {
  const between = rows.filter((id) => (before === null || id < before) && (after === null || id > after));
  return edge === "newest" ? between.slice(0, limit) : between.slice(-limit);
}

test(`a page is full of what is kept, unless the list ends, from either end (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < 400; round++) {
    const rows = Array.from({ length: random.below(200) }, (_, i) => BigInt(i)).reverse();
    const share = random.pick([0, 0.05, 0.5, 0.95, 1]);
    const wanted = rows.filter(() => random.chance(share));
    const isWanted = new Set(wanted);
    const cursor = () => (random.chance(0.5) ? null : BigInt(random.below(200)));
    const after = cursor();
    const edge = after === null ? "newest" : random.pick(["newest", "oldest"] as const);
    const page: Page = { before: cursor(), after, edge, limit: 1 + random.below(40) };
    const got = await fullPage(page, {
      read: async (part) => cut(rows, part),
      idOf: (id) => id,
      keep: async (some) => some.filter((id) => isWanted.has(id)),
    });
    expect(got, `round ${round}`).toEqual(cut(wanted, page));
  }
});

test("reads grow where little is kept, and stop at the end", async () => {
  const asked: number[] = [];
  const rows = Array.from({ length: 5_000 }, (_, i) => BigInt(i)).reverse();
  const page: Page = { before: null, after: null, edge: "newest", limit: 20 };
  const got = await fullPage(page, {
    read: async (part) => {
      asked.push(part.limit);
      return cut(rows, part);
    },
    idOf: (id) => id,
    keep: async () => [],
  });
  expect(got).toEqual([]);
  expect(asked.slice(0, 3)).toEqual([30, 60, 120]);
  expect(asked.length).toBeLessThan(12);
});
