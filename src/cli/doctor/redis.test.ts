import { describe, expect, test } from "vitest";
import { askRedis, hasRedis } from "../../cluster/redis.ts";
import { loadConfig } from "../../config.ts";
import { spawnRedis } from "../../engines/redis/spawned.ts";
import type { Terminal } from "../terminal.ts";
import { redisChecks } from "./redis.ts";

async function look(REDIS_URL?: string) {
  const found = await redisChecks[0]?.run(loadConfig({ REDIS_URL }), {} as Terminal);
  return `${found?.status}: ${found?.says}`;
}

test("doctor needs no Redis", async () => {
  expect(await look()).toMatch(/^skipped/);
});

describe.skipIf(!hasRedis())("doctor looks at Redis (needs redis-server)", () => {
  const redis = spawnRedis({ form: "single" });

  test("and says when it's away, and when it would evict or refuse what it must keep", async () => {
    const { url } = redis.servers;
    const port = redis.servers.portOf("redis-1");
    expect(await look(url)).toMatch(/^ok: Redis \d/);
    await askRedis(port, "config", "set", "maxmemory", "100mb");
    expect(await look(url)).toMatch(/^warning: .* noeviction/);
    await askRedis(port, "config", "set", "maxmemory-policy", "allkeys-lru");
    expect(await look(url)).toMatch(/^warning: .* allkeys-lru/);
    await askRedis(port, "config", "set", "maxmemory-policy", "volatile-lru");
    expect(await look(url)).toMatch(/^ok/);
    await redis.servers.kill("redis-1");
    // For a moment after its end, the system may still take connections for it.
    await expect
      .poll(() => look(url), { timeout: 5_000 })
      .toMatch(/^failed: REDIS_URL names redis:\/\/127\.0\.0\.1:\d+, where nothing listens/);
  });
});
