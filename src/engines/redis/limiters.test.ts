import { type RateLimiterAbstract, RateLimiterRes } from "rate-limiter-flexible";
import { describe, expect, test } from "vitest";
import { askRedis, hasRedis } from "../../cluster/redis.ts";
import { redisLimiter } from "./limiters.ts";
import { newPrefix, type SpawnedRedis, spawnRedis } from "./spawned.ts";

type Limiters = readonly [RateLimiterAbstract, RateLimiterAbstract];

const RETRY = { timeout: 20_000 };

/** The same limit in two processes. */
async function twoOf(redis: SpawnedRedis, prefix = newPrefix()): Promise<Limiters> {
  const limiterOf = async () =>
    redisLimiter(await redis.client(prefix))("tries", { points: 3, duration: 60 });
  return [await limiterOf(), await limiterOf()];
}

async function left(limiter: RateLimiterAbstract, key: string): Promise<number | "refused"> {
  try {
    return (await limiter.consume(key)).remainingPoints;
  } catch (refused) {
    expect(refused).toBeInstanceOf(RateLimiterRes);
    expect((refused as RateLimiterRes).msBeforeNext).toBeGreaterThan(30_000);
    return "refused";
  }
}

/** What is left after each of four tries, the two by turns. */
async function byTurns([a, b]: Limiters, key: string): Promise<(number | "refused")[]> {
  return [await left(a, key), await left(b, key), await left(a, key), await left(b, key)];
}

const TOGETHER = [2, 1, 0, "refused"];
const EACH_BY_ITSELF = [2, 2, 1, 1];

let looks = 0;

/** By a new key each time: what was asked while Redis was frozen may be counted when it's thawed. */
async function countTogether(limiters: Limiters): Promise<boolean> {
  return (await byTurns(limiters, `look${++looks}`)).join() === TOGETHER.join();
}

describe.skipIf(!hasRedis()).each(["single", "sentinel", "cluster"] as const)(
  "limits over Redis, %s (needs redis-server)",
  (form) => {
    const redis = spawnRedis({ form, downAfterMs: 500 });

    test("hold over all processes, for each key by itself", async () => {
      const limiters = await twoOf(redis);
      const [a, b] = limiters;
      // Enough of them to lie on every node of a cluster.
      for (let i = 0; i < 12; i++) expect(await byTurns(limiters, `key${i}`)).toEqual(TOGETHER);
      await b.reward("key0", 2);
      expect(await left(a, "key0")).toBe(0);
      await a.delete("key0");
      expect(await left(b, "key0")).toBe(2);
    });

    if (form === "sentinel")
      test("go on from what the replica had when it took over", async () => {
        const prefix = newPrefix();
        const limiters = await twoOf(redis, prefix);
        expect(await byTurns(limiters, "before")).toEqual(TOGETHER);
        // What it doesn't get in time is lost with the primary: nobody waits for it.
        const copied = () => askRedis(redis.servers.portOf("redis-2"), "get", `${prefix}:limit:tries:before`);
        await expect.poll(copied).toBe("4");
        await redis.servers.kill("redis-1");
        expect(await byTurns(limiters, "meanwhile")).toEqual(EACH_BY_ITSELF);
        await expect.poll(() => countTogether(limiters), RETRY).toBe(true);
        for (const limiter of limiters) expect(await left(limiter, "before")).toBe("refused");
        await redis.servers.restart("redis-1");
      });

    if (form === "cluster")
      test("of keys on a node that is lost hold in each process by itself", async () => {
        const limiters = await twoOf(redis);
        await redis.servers.kill("redis-3");
        const counts = { together: 0, alone: 0 };
        for (let i = 0; i < 30; i++) {
          const tries = await byTurns(limiters, `key${i}`);
          const isTogether = tries[1] === 1;
          expect(tries).toEqual(isTogether ? TOGETHER : EACH_BY_ITSELF);
          counts[isTogether ? "together" : "alone"]++;
        }
        // About a third lies there.
        expect(counts.alone).toBeGreaterThan(3);
        expect(counts.together).toBeGreaterThan(12);
        await redis.servers.restart("redis-3");
        const areTogether = async () => {
          const found = await Promise.all(Array.from({ length: 30 }, () => countTogether(limiters)));
          return found.every(Boolean);
        };
        await expect.poll(areTogether, RETRY).toBe(true);
      });

    test("hold in each process by itself while Redis is away, and over all again when it's back", async () => {
      const limiters = await twoOf(redis);
      const servers = redis.servers.nodes.filter((node) => node.startsWith("redis-"));
      for (const node of servers) redis.servers.freeze(node);
      const startMs = performance.now();
      expect(await byTurns(limiters, "away")).toEqual(EACH_BY_ITSELF);
      expect(performance.now() - startMs).toBeLessThan(1_500);
      expect(await byTurns(limiters, "away")).toEqual([0, 0, "refused", "refused"]);
      for (const node of servers) redis.servers.thaw(node);
      await expect.poll(() => countTogether(limiters), RETRY).toBe(true);
    });
  },
);
