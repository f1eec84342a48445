import { describe, expect, test } from "vitest";
import { hasRedis } from "../../cluster/redis.ts";
import { newPrefix, spawnRedis } from "../redis/spawned.ts";
import { liveBusContract } from "./contract.ts";
import { RedisLiveBus } from "./redis.ts";

describe.skipIf(!hasRedis()).each(["single", "sentinel", "cluster"] as const)(
  "the live bus over Redis, %s (needs redis-server)",
  (form) => {
    const redis = spawnRedis({ form });

    liveBusContract(async () => {
      const prefix = newPrefix();
      return [
        await RedisLiveBus.open(await redis.client(prefix)),
        await RedisLiveBus.open(await redis.client(prefix)),
      ];
    });

    test("carries ids, and nothing to those of another prefix", async () => {
      const bus = await RedisLiveBus.open(await redis.client());
      const other = await RedisLiveBus.open(await redis.client());
      const got: unknown[] = [];
      await other.subscribe("one", (message) => got.push(message));
      await bus.subscribe("one", (message) => got.push(message));
      await bus.publish("one", { statusId: (1n << 62n) + 1n, of: [1n, "1"] });
      await expect.poll(() => got).toEqual([{ statusId: (1n << 62n) + 1n, of: [1n, "1"] }]);
    });
  },
);

describe.skipIf(!hasRedis())("the live bus when Redis goes away (needs redis-server)", () => {
  const redis = spawnRedis({ form: "single" });

  test("who listened, and who came meanwhile, hears again when it's back", async () => {
    const prefix = newPrefix();
    const [a, b] = [
      await RedisLiveBus.open(await redis.client(prefix)),
      await RedisLiveBus.open(await redis.client(prefix)),
    ];
    const got: unknown[] = [];
    await a.subscribe("early", (message) => got.push(message));
    await redis.servers.kill("redis-1");
    await a.subscribe("late", (message) => got.push(message));
    await redis.servers.restart("redis-1");
    const heard = async (channel: string) => {
      await b.publish(channel, channel).catch(() => {});
      return got.includes(channel);
    };
    await expect.poll(() => heard("early"), { timeout: 5_000 }).toBe(true);
    await expect.poll(() => heard("late"), { timeout: 5_000 }).toBe(true);
  });
});

describe.skipIf(!hasRedis()).each(["killed", "frozen"] as const)(
  "the live bus behind sentinels, the primary %s (needs redis-server)",
  (fault) => {
    const redis = spawnRedis({ form: "sentinel", downAfterMs: 500 });

    test("who listened hears again from the replica that took over, without asking again", async () => {
      const prefix = newPrefix();
      const [a, b] = [
        await RedisLiveBus.open(await redis.client(prefix)),
        await RedisLiveBus.open(await redis.client(prefix)),
      ];
      const got: unknown[] = [];
      await a.subscribe("early", (message) => got.push(message));
      await b.publish("early", "before");
      await expect.poll(() => got).toEqual(["before"]);
      if (fault === "killed") await redis.servers.kill("redis-1");
      else redis.servers.freeze("redis-1");
      await a.subscribe("late", (message) => got.push(message));
      const heard = async (channel: string) => {
        await b.publish(channel, channel).catch(() => {});
        return got.includes(channel);
      };
      await expect.poll(() => heard("early"), { timeout: 20_000 }).toBe(true);
      await expect.poll(() => heard("late"), { timeout: 5_000 }).toBe(true);
      // Whoever asks who listens, to send to nobody else, finds them too.
      await expect.poll(() => b.listening(["early", "late", "other"])).toEqual(["early", "late"]);
      // And once: nobody listens twice, with the old connection and the new one.
      await b.publish("early", "after");
      await b.publish("late", "last");
      await expect.poll(() => got.at(-1)).toBe("last");
      expect(got.filter((message) => message === "after")).toHaveLength(1);
    });
  },
);
