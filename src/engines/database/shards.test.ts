import { expect, test } from "vitest";
import { sleep } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";
import { LOGICAL_SHARDS, makeId } from "../../core/ids.ts";
import { Database } from "./pools.ts";
import { byItself, Shards } from "./shards.ts";

// None of them is connected to: routing asks nobody.
const database = () =>
  new Database({ connection: {}, poolSize: 1, statementTimeoutMs: 1_000, log: () => {} });

const idOn = (shard: number) => makeId(Date.UTC(2026, 0, 1), shard, 7);

function spreadOver(count: number, deadlineMs?: number) {
  const databases = Array.from({ length: count }, database);
  const shards = new Shards(database(), deadlineMs);
  shards.spread(Array.from({ length: LOGICAL_SHARDS }, (_, shard) => databases[shard % count] as Database));
  return { shards, databases };
}

test("with one database every answer is that one", async () => {
  const main = database();
  expect(main.shards.isOne).toBe(true);
  expect(main.shards.all).toEqual([main]);
  expect(main.shards.of(idOn(0))).toBe(main);
  expect(main.shards.of(idOn(1023))).toBe(main);
  expect(main.shards.areTogether(idOn(1), idOn(2))).toBe(true);
  const ids = [idOn(1), idOn(2)];
  const asked: unknown[] = [];
  await main.shards.gatherBy(ids, byItself, async (at, own) => {
    asked.push(at, own);
    return [];
  });
  expect(asked).toEqual([main, ids]);
});

test("an id goes to the database of its shard, and so does all that its owner owns", () => {
  const { shards, databases } = spreadOver(3);
  expect(shards.isOne).toBe(false);
  expect(shards.all).toHaveLength(3);
  for (const shard of [0, 1, 2, 3, 1023]) expect(shards.of(idOn(shard))).toBe(databases[shard % 3]);
  expect(shards.of(makeId(Date.UTC(2031, 5, 5), 4, 0))).toBe(shards.of(idOn(4)));
  expect(shards.areTogether(idOn(1), idOn(4))).toBe(true);
  expect(shards.areTogether(idOn(1), idOn(2))).toBe(false);
});

test("just after shards have left the main database, a change may have been made there", () => {
  const main = database();
  const [a, b] = [database(), database()];
  const map = (...databases: Database[]) =>
    Array.from({ length: LOGICAL_SHARDS }, (_, shard) => databases[shard % databases.length] as Database);
  expect(main.shards.isOnMain(idOn(1))).toBe(true);
  main.shards.spread(map(a, b));
  expect(main.shards.isOnMain(idOn(1))).toBe(false);
  main.shards.spread(map(main));
  expect([0, 1].map((shard) => main.shards.isOnMain(idOn(shard)))).toEqual([true, true]);
  main.shards.spread(map(a, b));
  expect([0, 1].map((shard) => main.shards.isOnMain(idOn(shard)))).toEqual([true, true]);
  const another = database();
  another.shards.spread(map(another, b));
  expect([0, 1].map((shard) => another.shards.isOnMain(idOn(shard)))).toEqual([true, false]);
});

test("a map of one database is that database; a map with holes is none", () => {
  const { shards, databases } = spreadOver(1);
  expect(shards.isOne).toBe(true);
  expect(shards.of(idOn(5))).toBe(databases[0]);
  expect(() => shards.spread([database()])).toThrow("1024 entries, not 1");
});

test("each database is asked once, for its own, and one that isn't concerned not at all", async () => {
  const { shards, databases } = spreadOver(3);
  const asked = new Map<Database, readonly bigint[]>();
  const ids = [idOn(1), idOn(4), idOn(2)];
  const found = await shards.gatherBy(ids, byItself, async (at, own) => {
    expect(asked.has(at)).toBe(false);
    asked.set(at, own);
    return [...own];
  });
  expect(found.sort()).toEqual([...ids].sort());
  expect(asked.get(databases[1] as Database)).toEqual([idOn(1), idOn(4)]);
  expect(asked.get(databases[2] as Database)).toEqual([idOn(2)]);
  expect(asked.has(databases[0] as Database)).toBe(false);
});

test("not too many are asked at a time, and all are asked", async () => {
  const { shards } = spreadOver(40);
  let running = 0;
  let most = 0;
  const found = await shards.gather(async () => {
    most = Math.max(most, ++running);
    await sleep(2);
    running--;
    return [1];
  });
  expect(found).toHaveLength(40);
  expect(most).toBe(8);
});

test("one that hangs fails the whole in time, and one that fails does so at once", async () => {
  const { shards, databases } = spreadOver(20, 30);
  let asked = 0;
  const hanging = shards.gather((at) => {
    asked++;
    return at === databases[0] ? new Promise<never[]>(() => {}) : sleep(20).then(() => []);
  });
  await expect(hanging).rejects.toThrow(Unavailable);
  const askedInTime = asked;
  await sleep(40);
  expect(asked, "nobody is asked for an answer that nobody waits for").toBe(askedInTime);
  const failing = shards.gather(async () => {
    throw new Error("no such table");
  });
  await expect(failing).rejects.toThrow("no such table");
});
