import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { hasRedis, type RedisOptions, type RedisServers, startRedis } from "./redis.ts";

let folder: string;
let servers: RedisServers | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "roost-redis-"));
});
afterEach(async () => {
  await servers?.[Symbol.asyncDispose]();
  servers = null;
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Omit<RedisOptions, "folder">): Promise<RedisServers> {
  servers = await startRedis({ folder, ...options });
  return servers;
}

/** What a command answers; null when nothing answers in time. */
async function ask(port: number, command: string, ...args: string[]): Promise<string | null> {
  const redis = new Redis({ host: "127.0.0.1", port, retryStrategy: () => null, commandTimeout: 300 });
  redis.on("error", () => {});
  try {
    return `${await redis.call(command, ...args)}`;
  } catch {
    return null;
  } finally {
    redis.disconnect();
  }
}

describe.skipIf(!hasRedis())("Redis servers on loopback (needs redis-server)", () => {
  test("one server: frozen it doesn't answer, killed it is gone, and it comes back on its port", async () => {
    const redis = await start({ form: "single" });
    expect(redis.nodes).toEqual(["redis-1"]);
    const port = redis.portOf("redis-1");
    expect(redis.url).toBe(`redis://127.0.0.1:${port}`);
    expect(await ask(port, "set", "a", "1")).toBe("OK");
    redis.freeze("redis-1");
    expect(await ask(port, "get", "a")).toBe(null);
    redis.thaw("redis-1");
    expect(await ask(port, "get", "a")).toBe("1");
    await redis.kill("redis-1");
    expect(await ask(port, "ping")).toBe(null);
    await redis.restart("redis-1");
    expect(await ask(port, "dbsize")).toBe("0");
  });

  test("sentinels make the replica the primary when the primary is killed", async () => {
    const redis = await start({ form: "sentinel", downAfterMs: 500 });
    expect(redis.nodes).toEqual(["redis-1", "redis-2", "sentinel-1", "sentinel-2", "sentinel-3"]);
    await redis.kill("redis-1");
    await expect.poll(() => ask(redis.portOf("redis-2"), "role"), { timeout: 15_000 }).toMatch(/^master/);
  });

  test("a cluster covers all slots, and a node that comes back takes its slots again", async () => {
    const redis = await start({ form: "cluster" });
    expect(redis.nodes).toHaveLength(3);
    const state = () => ask(redis.portOf("redis-1"), "cluster", "info");
    expect(await state()).toMatch(/cluster_slots_ok:16384/);
    await redis.kill("redis-2");
    await expect.poll(state, { timeout: 15_000 }).not.toMatch(/cluster_slots_ok:16384/);
    await redis.restart("redis-2");
    await expect.poll(state, { timeout: 15_000 }).toMatch(/cluster_slots_ok:16384/);
  });
});
