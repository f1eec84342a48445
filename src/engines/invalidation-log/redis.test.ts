import { describe, expect, test } from "vitest";
import { hasRedis } from "../../cluster/redis.ts";
import { Unavailable } from "../../core/errors.ts";
import type { RedisClient } from "../redis/client.ts";
import { newPrefix, spawnRedis } from "../redis/spawned.ts";
import { invalidationLogContract } from "./contract.ts";
import { RedisInvalidationLog } from "./redis.ts";

/** A log that has caught up, and what it has told since. */
async function joined(client: RedisClient) {
  const log = new RedisInvalidationLog(client, 200);
  const told: string[] = [];
  log.listen({
    onEntry: ({ stale }) => told.push(`${stale.relations}`),
    onGap: () => told.push("gap"),
  });
  await log.catchUp();
  told.length = 0;
  return { log, told };
}

const change = (id: bigint) => ({ stale: { relations: [id] }, lsn: null });

describe.skipIf(!hasRedis())("the invalidation log in one Redis (needs redis-server)", () => {
  const redis = spawnRedis({ form: "single" });
  const pair = async () => {
    const prefix = newPrefix();
    return [await redis.client(prefix), await redis.client(prefix)] as const;
  };

  invalidationLogContract(async () => {
    const [one, other] = await redis.patientPair();
    return [new RedisInvalidationLog(one), new RedisInvalidationLog(other)];
  });

  test("callers at the same time share reads, and none is given one that was sent before it came", async () => {
    const [one, other] = await pair();
    const { log, told } = await joined(one);
    const writer = new RedisInvalidationLog(other);
    const before = log.reads;
    await Promise.all(Array.from({ length: 500 }, () => log.catchUp()));
    expect(log.reads - before).toBe(1);
    redis.servers.freeze("redis-1");
    const sent = log.catchUp();
    // Sent by now, and held up.
    await expect.poll(() => log.reads - before).toBe(2);
    const appended = writer.append(change(1n));
    const later = Promise.all(Array.from({ length: 500 }, () => log.catchUp()));
    redis.servers.thaw("redis-1");
    await Promise.all([sent, appended, later]);
    expect(log.reads - before).toBe(3);
    await log.catchUp();
    expect(told).toEqual(["1"]);
  });

  test("who was away for too long has a gap, and goes on after it", async () => {
    const [one, other] = await pair();
    const { log, told } = await joined(one);
    const writer = new RedisInvalidationLog(other, 200);
    for (let i = 0; i < 10; i++)
      await Promise.all(Array.from({ length: 100 }, (_, n) => writer.append(change(BigInt(n)))));
    await log.catchUp();
    expect(told).toEqual(["gap"]);
    await writer.append(change(7n));
    await log.catchUp();
    expect(told).toEqual(["gap", "7"]);
  });

  test("a flush is a gap, whether or not somebody appended since", async () => {
    const [one, other] = await pair();
    const { log, told } = await joined(one);
    const writer = new RedisInvalidationLog(other);
    await one.primaries("prompt")[0]?.flushall();
    await log.catchUp();
    expect(told).toEqual(["gap"]);
    await one.primaries("prompt")[0]?.flushall();
    await writer.append(change(1n));
    await log.catchUp();
    expect(told).toEqual(["gap", "gap"]);
  });

  test("frozen or killed, it says in time that it can't know, and tells of a gap when it's back", async () => {
    const [one] = await pair();
    const { log, told } = await joined(one);
    redis.servers.freeze("redis-1");
    const startMs = performance.now();
    await expect(log.catchUp()).rejects.toThrow(Unavailable);
    await expect(log.append(change(1n))).rejects.toThrow(Unavailable);
    expect(performance.now() - startMs).toBeLessThan(500);
    redis.servers.thaw("redis-1");
    await expect
      .poll(() => log.catchUp().then(() => "caught up", String), { timeout: 5_000 })
      .toBe("caught up");
    expect(told).toEqual(["gap"]);
    await redis.servers.restart("redis-1");
    await expect
      .poll(() => log.catchUp().then(() => "caught up", String), { timeout: 5_000 })
      .toBe("caught up");
    expect(told).toEqual(["gap", "gap"]);
    await log.append(change(2n));
    await log.catchUp();
    expect(told).toEqual(["gap", "gap", "2"]);
  });
});

describe.skipIf(!hasRedis())("the invalidation log in a cluster of three (needs redis-server)", () => {
  const redis = spawnRedis({ form: "cluster" });
  invalidationLogContract(async () => {
    const clients = await redis.patientPair();
    return [new RedisInvalidationLog(clients[0]), new RedisInvalidationLog(clients[1])];
  });
});

describe.skipIf(!hasRedis())("the invalidation log behind sentinels (needs redis-server)", () => {
  const redis = spawnRedis({ form: "sentinel", downAfterMs: 500 });

  test("a replica that takes over is a gap: it may lack the last entries", async () => {
    const prefix = newPrefix();
    const { log, told } = await joined(await redis.client(prefix));
    const writer = new RedisInvalidationLog(await redis.client(prefix));
    redis.servers.freeze("redis-2");
    await writer.append(change(1n));
    await redis.servers.kill("redis-1");
    redis.servers.thaw("redis-2");
    // Nothing is asked until the other one has taken over: it fails to see no outage of its own.
    await expect
      .poll(() => writer.append(change(2n)).then(() => "appended", String), { timeout: 20_000 })
      .toBe("appended");
    await expect
      .poll(() => log.catchUp().then(() => "caught up", String), { timeout: 5_000 })
      .toBe("caught up");
    expect(told).toEqual(["gap"]);
  });
});
