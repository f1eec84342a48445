/** What every invalidation log must do: the sentences of `port.ts` as tests, for each adapter's own test to run. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Stale } from "../../core/invalidation.ts";
import type { InvalidationEntry, InvalidationLog } from "./port.ts";

/** Two handles on one empty log. An adapter of one process gives the same twice. */
export function invalidationLogContract(open: () => Promise<[InvalidationLog, InvalidationLog]>): void {
  let a: InvalidationLog;
  let b: InvalidationLog;
  let heard: InvalidationEntry[];
  let gaps: number;

  beforeEach(async () => {
    [a, b] = await open();
    heard = [];
    b.listen({
      onEntry: ({ stale, lsn }) => heard.push({ stale, lsn }),
      onGap: () => gaps++,
    });
    await b.catchUp();
    gaps = 0;
  });
  afterEach(async () => {
    await a[Symbol.asyncDispose]();
    if (b !== a) await b[Symbol.asyncDispose]();
  });

  const change = (id: bigint): Stale => ({ relations: [id] });

  test("what was appended before is told by the time of having caught up", async () => {
    for (let id = 1n; id <= 100n; id++) {
      await a.append({ stale: change(id), lsn: null });
      await b.catchUp();
      expect(heard.at(-1)).toEqual({ stale: change(id), lsn: null });
    }
    expect(heard).toHaveLength(100);
    expect(gaps).toBe(0);
  });

  test("also when many append and many catch up at once", async () => {
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        for (let n = 0; n < 20; n++) {
          const id = BigInt(i * 100 + n);
          await (i % 2 === 0 ? a : b).append({ stale: change(id), lsn: null });
          await b.catchUp();
          expect(heard.some(({ stale }) => stale.relations?.[0] === id)).toBe(true);
        }
      }),
    );
    expect(heard).toHaveLength(1_000);
    expect(gaps).toBe(0);
  });

  test("tells each once, also thousands, and one that was appended after another later than that", async () => {
    const ids = Array.from({ length: 2_500 }, (_, i) => BigInt(i));
    for (let i = 0; i < ids.length; i += 100)
      await Promise.all(ids.slice(i, i + 100).map((id) => a.append({ stale: change(id), lsn: null })));
    await b.catchUp();
    await b.catchUp();
    const told = heard.map(({ stale }) => Number(stale.relations?.[0]));
    const rounds = told.map((id) => Math.floor(id / 100));
    expect(rounds).toEqual(rounds.toSorted((x, y) => x - y));
    expect(told.toSorted((x, y) => x - y)).toEqual(ids.map(Number));
  });

  test("carries every kind of thing, and where the change lies in the database", async () => {
    const id = (1n << 62n) + 1n;
    const stale: Required<Stale> = {
      accounts: [id, 2n],
      counts: [id],
      relations: [id],
      statuses: [id],
      marks: [id],
      authorTimelines: [id],
      tokens: [id],
      appTokens: [id],
      countsElsewhere: [id],
      fanOutModes: true,
      writers: [id],
      owners: [id],
    };
    await a.append({ stale, lsn: "16/B374D848" });
    await b.catchUp();
    expect(heard).toEqual([{ stale, lsn: "16/B374D848" }]);
  });

  test("says which entries were appended through itself", async () => {
    const own: boolean[] = [];
    b.listen({ onEntry: ({ isOwn }) => own.push(isOwn), onGap: () => {} });
    await b.append({ stale: change(1n), lsn: null });
    await b.catchUp();
    if (a !== b) await a.append({ stale: change(1n), lsn: null });
    await b.catchUp();
    expect(own).toEqual(a === b ? [true] : [true, false]);
  });
}
