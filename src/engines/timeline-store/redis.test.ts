import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { hasRedis } from "../../cluster/redis.ts";
import { systemClock } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";
import type { RedisClient } from "../redis/client.ts";
import { type SpawnedRedis, spawnRedis } from "../redis/spawned.ts";
import { timelineStoreContract } from "./contract.ts";
import type { TimelineStore } from "./port.ts";
import { RedisTimelineStore } from "./redis.ts";

const DAY_MS = 86_400_000;
const LIMITS = { maxEntries: 800, idleMs: 30 * DAY_MS };

async function build(store: TimelineStore, viewer: bigint, entries: bigint[]): Promise<string> {
  const ticket = await store.beginBuild(viewer);
  return store.finishBuild(viewer, ticket, { entries, floor: 0n, epoch: 0n });
}

async function entriesOf(store: TimelineStore, viewer: bigint): Promise<bigint[] | string> {
  const read = await store.read(viewer, null, 1_000);
  return read.state === "hit" ? read.entries : read.state;
}

/** Calls of scripts that all servers have counted. */
async function scriptCalls(client: RedisClient): Promise<number> {
  const texts = await Promise.all(client.primaries("prompt").map((node) => node.info("commandstats")));
  const found = texts.flatMap((text) => [...text.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)]);
  return found.reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/**
 * Appends to so many viewers, every tenth of whom has no timeline, and holds that all of it goes out at once: whoever
 * appends is gone before the first answer, after which nothing more could be sent. Resolves to the calls that it took.
 */
async function callsOfAppend(redis: SpawnedRedis, count: number): Promise<number> {
  const [going, staying] = await redis.patientPair();
  const limits = { maxEntries: 3, idleMs: DAY_MS };
  const writer = new RedisTimelineStore(going, limits, systemClock);
  const reader = new RedisTimelineStore(staying, limits, systemClock);
  const viewers = Array.from({ length: count }, (_, i) => 1_000n + BigInt(i) * 4_096n);
  const timelines = () => Promise.all(viewers.map((viewer) => entriesOf(reader, viewer)));
  const wanted = (entries: bigint[]) => viewers.map((_, i) => (i % 10 === 0 ? "miss" : entries));
  await Promise.all(viewers.map((viewer, i) => i % 10 !== 0 && build(writer, viewer, [3n, 2n, 1n])));
  // Each server knows the scripts after this, so that one call is one command.
  await writer.append(4n, viewers);
  expect(await timelines()).toEqual(wanted([4n, 3n, 2n]));
  const callsBefore = await scriptCalls(staying);
  for (const node of redis.servers.nodes) redis.servers.freeze(node);
  const unheard = writer.append(5n, viewers).catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  await going[Symbol.asyncDispose]();
  await unheard;
  for (const node of redis.servers.nodes) redis.servers.thaw(node);
  let reads = 0;
  const isAppended = async () => {
    reads += count;
    return isDeepStrictEqual(await timelines(), wanted([5n, 4n, 3n]));
  };
  await expect.poll(isAppended, { timeout: 5_000 }).toBe(true);
  return (await scriptCalls(staying)) - callsBefore - reads;
}

describe.skipIf(!hasRedis())("the timeline store in one Redis (needs redis-server)", () => {
  const redis = spawnRedis({ form: "single" });

  timelineStoreContract(async (maxEntries) => {
    const clients = await redis.patientPair();
    const open = (client: (typeof clients)[number]) =>
      new RedisTimelineStore(client, { maxEntries, idleMs: DAY_MS }, systemClock);
    return [open(clients[0]), open(clients[1])];
  });

  test("an append to a chunk of viewers, trimming included, is one call up to 2,000 of them", async () => {
    expect(await callsOfAppend(redis, 1_000)).toBe(1);
    expect(await callsOfAppend(redis, 2_000)).toBe(1);
  });

  test("takes at most 12 bytes an entry, all overhead in, also after many appends", async () => {
    const client = await redis.client();
    const store = new RedisTimelineStore(client, LIMITS, systemClock);
    await build(store, 7n, []);
    for (let id = 1n; id <= 1_000n; id++) await store.append(id, [7n]);
    expect(await entriesOf(store, 7n)).toHaveLength(800);
    const [connection] = client.primaries("prompt");
    const [key = ""] = (await connection?.keys(`${client.keyPrefix}:*`)) ?? [];
    const sizeBytes = Number(await connection?.memory("USAGE", key));
    expect(sizeBytes / 800).toBeLessThan(12);
  });

  test("what nobody reads expires, and reading puts that off", async () => {
    const client = await redis.client();
    const clock = { ms: 1_000_000_000_000, nowMs: () => clock.ms };
    const store = new RedisTimelineStore(client, { maxEntries: 800, idleMs: 30_000 }, clock);
    await build(store, 7n, [1n]);
    const [connection] = client.primaries("prompt");
    const [key = ""] = (await connection?.keys(`${client.keyPrefix}:*`)) ?? [];
    const leftMs = async () => (await connection?.pttl(key)) ?? 0;
    expect(await leftMs()).toBeGreaterThan(29_000);
    await connection?.pexpire(key, 5_000);
    await store.append(2n, [7n]);
    await store.read(7n, null, 1);
    expect(await leftMs()).toBeLessThanOrEqual(5_000);
    clock.ms += 1_000;
    await store.read(7n, null, 1);
    expect(await leftMs()).toBeGreaterThan(29_000);
    await connection?.pexpire(key, 1);
    await expect.poll(() => entriesOf(store, 7n)).toBe("miss");
  });

  test("a build that was begun before everything was flushed is stale", async () => {
    const client = await redis.client();
    const store = new RedisTimelineStore(client, LIMITS, systemClock);
    const ticket = await store.beginBuild(7n);
    await client.primaries("prompt")[0]?.flushall();
    expect(await store.finishBuild(7n, ticket, { entries: [1n], floor: 0n, epoch: 0n })).toBe("stale");
    expect(await entriesOf(store, 7n)).toBe("miss");
  });

  test("a Redis that is full and evicts nothing loses timelines, never entries of one", async () => {
    const client = await redis.client();
    const store = new RedisTimelineStore(client, LIMITS, systemClock);
    await build(store, 7n, [1n]);
    const [connection] = client.primaries("prompt");
    await connection?.config("SET", "maxmemory", "1mb");
    try {
      await store.append(2n, [7n]);
      expect(await entriesOf(store, 7n)).toBe("miss");
    } finally {
      await connection?.config("SET", "maxmemory", "0");
    }
  });

  test("frozen, it answers in time that it can't, and later goes on; killed, it comes back empty", async () => {
    const client = await redis.client();
    const store = new RedisTimelineStore(client, LIMITS, systemClock);
    await build(store, 7n, [1n]);
    redis.logged.length = 0;
    redis.servers.freeze("redis-1");
    const startMs = performance.now();
    expect(await entriesOf(store, 7n)).toBe("timeout");
    expect(performance.now() - startMs).toBeLessThan(400);
    const reads = await Promise.all(Array.from({ length: 100 }, () => entriesOf(store, 7n)));
    expect(new Set(reads)).toEqual(new Set(["timeout"]));
    expect(performance.now() - startMs).toBeLessThan(500);
    await expect(store.append(2n, [7n])).rejects.toThrow(Unavailable);
    redis.servers.thaw("redis-1");
    await expect.poll(() => store.append(2n, [7n]).catch(() => 0), { timeout: 5_000 }).toBe(1);
    expect(await entriesOf(store, 7n)).toEqual([2n, 1n]);
    await redis.servers.kill("redis-1");
    expect(await entriesOf(store, 7n)).toBe("timeout");
    await redis.servers.restart("redis-1");
    await expect.poll(() => entriesOf(store, 7n), { timeout: 5_000 }).toBe("miss");
    expect(redis.logged.filter((line) => line.includes('"level":50'))).toHaveLength(2);
    expect(redis.logged.filter((line) => line.includes("is back"))).toHaveLength(2);
  });
});

describe.skipIf(!hasRedis())("the timeline store in a cluster of three (needs redis-server)", () => {
  const redis = spawnRedis({ form: "cluster" });

  timelineStoreContract(async (maxEntries) => {
    const clients = await redis.patientPair();
    const open = (client: (typeof clients)[number]) =>
      new RedisTimelineStore(client, { maxEntries, idleMs: DAY_MS }, systemClock);
    return [open(clients[0]), open(clients[1])];
  });

  test("an append to a chunk of viewers, trimming included, is one call a tag, all sent at once", async () => {
    expect(await callsOfAppend(redis, 1_000)).toBeLessThanOrEqual(32);
  });

  test("a chunk of viewers lies on all nodes, about as many on each", async () => {
    const client = await redis.client();
    const store = new RedisTimelineStore(client, LIMITS, systemClock);
    const viewers = Array.from({ length: 300 }, (_, i) => 1_000n + BigInt(i) * 4_096n);
    await Promise.all(viewers.map((viewer) => build(store, viewer, [1n])));
    expect(await store.append(2n, viewers)).toBe(300);
    const sizes = await Promise.all(client.primaries("prompt").map((node) => node.dbsize()));
    for (const size of sizes) expect(size).toBeGreaterThan(60);
    await redis.servers.kill("redis-3");
    const states = await Promise.all(viewers.map((viewer) => entriesOf(store, viewer)));
    const there = states.filter((state) => Array.isArray(state));
    expect(there.length).toBeGreaterThan(150);
    expect(there.length).toBeLessThan(240);
    expect(states.filter((state) => state === "timeout")).toHaveLength(300 - there.length);
    await redis.servers.restart("redis-3");
  });
});

describe.skipIf(!hasRedis())("the timeline store behind sentinels (needs redis-server)", () => {
  const redis = spawnRedis({ form: "sentinel", downAfterMs: 500 });

  test("what a replica has after taking over isn't believed: it may lack the last appends", async () => {
    const client = await redis.client();
    const store = new RedisTimelineStore(client, LIMITS, systemClock);
    await build(store, 7n, [1n]);
    const ticket = await store.beginBuild(8n);
    const replica = await client.primaries("prompt")[0]?.duplicate({
      sentinels: null as never,
      host: "127.0.0.1",
      port: redis.servers.portOf("redis-2"),
      lazyConnect: false,
      enableOfflineQueue: true,
    });
    await expect.poll(() => replica?.dbsize()).toBe(3);
    redis.servers.freeze("redis-2");
    expect(await store.append(2n, [7n])).toBe(1);
    await redis.servers.kill("redis-1");
    redis.servers.thaw("redis-2");
    await expect.poll(() => entriesOf(store, 7n), { timeout: 20_000 }).not.toBe("timeout");
    expect(await replica?.dbsize()).toBe(3);
    replica?.disconnect();
    expect(await entriesOf(store, 7n)).toBe("miss");
    expect(await store.finishBuild(8n, ticket, { entries: [1n], floor: 0n, epoch: 0n })).toBe("stale");
    expect(await build(store, 7n, [2n, 1n])).toBe("built");
    expect(await store.append(3n, [7n, 8n])).toBe(1);
    expect(await entriesOf(store, 7n)).toEqual([3n, 2n, 1n]);
  });
});
