import { RateLimiterRes } from "rate-limiter-flexible";
import { describe, expect, test } from "vitest";
import { hasRedis } from "../../cluster/redis.ts";
import { redisLimiter } from "./limiters.ts";
import { newPrefix, spawnRedis } from "./spawned.ts";

describe.skipIf(!hasRedis())("limits over Redis (needs redis-server)", () => {
  const redis = spawnRedis({ form: "single" });

  test("hold over all processes, and in each by itself while Redis is away", async () => {
    const prefix = newPrefix();
    const limiters = [await redis.client(prefix), await redis.client(prefix)].map((client) =>
      redisLimiter(client)("tries", { points: 3, duration: 60 }),
    );
    const [a, b] = limiters as [(typeof limiters)[0], (typeof limiters)[0]];
    const left = async (limiter: typeof a, key: string) => {
      try {
        return (await limiter.consume(key)).remainingPoints;
      } catch (refused) {
        expect(refused).toBeInstanceOf(RateLimiterRes);
        expect((refused as RateLimiterRes).msBeforeNext).toBeGreaterThan(50_000);
        return "refused";
      }
    };
    expect([await left(a, "x"), await left(b, "x"), await left(a, "x"), await left(b, "x")]).toEqual([
      2,
      1,
      0,
      "refused",
    ]);
    expect(await left(b, "y")).toBe(2);
    await b.reward("x", 2);
    expect(await left(a, "x")).toBe(0);
    await a.delete("x");
    expect(await left(b, "x")).toBe(2);
    redis.servers.freeze("redis-1");
    const startMs = performance.now();
    expect([await left(a, "z"), await left(a, "z"), await left(a, "z"), await left(a, "z")]).toEqual([
      2,
      1,
      0,
      "refused",
    ]);
    expect(performance.now() - startMs).toBeLessThan(1_500);
    redis.servers.thaw("redis-1");
  });
});
