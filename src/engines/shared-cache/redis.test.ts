/** Processes that write, cache and share, on real Redis: what was answered is never followed by what was before it. */
import { describe, expect, test } from "vitest";
import { hasRedis } from "../../cluster/redis.ts";
import { sleep, systemClock } from "../../core/clock.ts";
import { GuardedCache } from "../../core/guarded-cache.ts";
import { RedisInvalidationLog } from "../invalidation-log/redis.ts";
import type { RedisClient } from "../redis/client.ts";
import { newPrefix, spawnRedis } from "../redis/spawned.ts";
import { sharedLevelContract } from "./contract.ts";
import { FencedLevel } from "./fenced-level.ts";
import { Freshness, subjectOf, subjectsOf } from "./freshness.ts";
import { RedisSharedCache } from "./redis.ts";
import { levelsOn } from "./spawned.ts";

interface Version {
  readonly version: number;
}

const KEPT_MS = 800;
const BLIND_MS = KEPT_MS + 1_000;
const KEYS = [1n, 2n, 3n] as const;
const soon = () => sleep(Math.random() * 4);

/** What processes have in common besides Redis. */
class Table {
  readonly committed = new Map<bigint, number>(KEYS.map((key) => [key, 0]));
  loads = 0;

  async load(keys: readonly bigint[]): Promise<Map<bigint, Version>> {
    this.loads++;
    await soon();
    const rows = keys.map((key) => [key, { version: this.committed.get(key) ?? 0 }] as const);
    await soon();
    return new Map(rows);
  }
}

/** As `composition/caches.ts` puts them together. */
function processOn(client: RedisClient, table: Table) {
  const log = new RedisInvalidationLog(client);
  const freshness = new Freshness({ keptMsMax: KEPT_MS, clock: systemClock });
  const results = { hit: 0, miss: 0, stale: 0 };
  const level = new FencedLevel<bigint, Version>({
    cache: new RedisSharedCache(client),
    freshness,
    keptMs: KEPT_MS,
    clock: systemClock,
    onRead: (result, count) => {
      results[result] += count;
    },
    form: {
      nameOf: (key) => `test:${key}`,
      encode: ({ version }) => Buffer.from(`${version}`),
      decode: (bytes) => ({ version: Number(bytes) }),
    },
    subjectOf: subjectOf.status,
  });
  const cache = new GuardedCache<bigint, Version>({
    maxSizeBytes: 1_000,
    maxAgeMs: KEPT_MS,
    sizeBytesOf: () => 1,
    second: level,
    loadMany: async (keys) => {
      const start = level.begin();
      const rows = await table.load(keys);
      if (start) for (const [key, row] of rows) level.share(key, row, start);
      return rows;
    },
  });
  const forget = (keys: readonly bigint[]) => {
    for (const key of keys) cache.invalidate(key);
  };
  log.listen({
    onEntry: ({ stale, isOwn, position }) => {
      freshness.note(subjectsOf(stale), position, isOwn);
      if (!isOwn) forget(stale.statuses ?? []);
    },
    onGap: () => {
      freshness.missed();
      cache.clear();
    },
    onReadTo: (position) => freshness.readTo(position),
  });
  return {
    results,
    /** Resolves once the change is answered. */
    write: async (key: bigint) => {
      await soon();
      const version = (table.committed.get(key) ?? 0) + 1;
      table.committed.set(key, version);
      forget([key]);
      freshness.begun([subjectOf.status(key)]);
      await soon();
      await log.append({ stale: { statuses: [key] }, lsn: null });
      return version;
    },
    read: async (key: bigint) => {
      await log.catchUp();
      return (await cache.get(key))?.version ?? 0;
    },
  };
}

describe.skipIf(!hasRedis()).each(["single", "cluster"] as const)(
  "the shared cache on Redis, %s (needs redis-server)",
  (form) => {
    const redis = spawnRedis({ form });

    sharedLevelContract(async () => levelsOn(await redis.patientPair()));

    test("what one has loaded others are given, until it became stale", async () => {
      const table = new Table();
      const prefix = newPrefix();
      const [a, b] = [
        processOn(await redis.client(prefix), table),
        processOn(await redis.client(prefix), table),
      ];
      await Promise.all([a.read(1n), b.read(1n)]);
      await sleep(BLIND_MS);
      await a.read(2n);
      const loads = table.loads;
      await expect.poll(() => b.read(2n).then(() => b.results.hit)).toBe(1);
      expect(table.loads).toBe(loads);
      expect(await a.write(2n)).toBe(1);
      expect(await b.read(2n)).toBe(1);
      expect(b.results.stale).toBe(1);
    });

    test("no reader is given less than what was answered before it came", async () => {
      const table = new Table();
      const prefix = newPrefix();
      const clients = await Promise.all([1, 2, 3].map(() => redis.client(prefix)));
      const processes = clients.map((client) => processOn(client, table));
      const answered = new Map<bigint, number>();
      const untilMs = Date.now() + BLIND_MS + 2_500;
      const some = <T>(of: readonly T[]) => of[Math.floor(Math.random() * of.length)] as T;
      const mistakes: string[] = [];
      const writer = async () => {
        while (Date.now() < untilMs) {
          const key = some(KEYS);
          const version = await some(processes).write(key);
          answered.set(key, Math.max(version, answered.get(key) ?? 0));
          await sleep(Math.random() * 60);
        }
      };
      const reader = async () => {
        while (Date.now() < untilMs) {
          const key = some(KEYS);
          const atLeast = answered.get(key) ?? 0;
          const got = await some(processes).read(key);
          if (got < atLeast) mistakes.push(`${key}: ${got} after ${atLeast} was answered`);
          await soon();
        }
      };
      await Promise.all([writer(), writer(), ...Array.from({ length: 12 }, reader)]);
      expect(mistakes).toEqual([]);
      // It was used, and had to refuse.
      const total = (result: "hit" | "stale") =>
        processes.reduce((sum, { results }) => sum + results[result], 0);
      expect(total("hit")).toBeGreaterThan(10);
      expect(total("stale")).toBeGreaterThan(0);
    });
  },
);
