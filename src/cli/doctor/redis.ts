/** What doctor asks of Redis, where REDIS_URL is set. */
import type { Config } from "../../config.ts";
import { addressOf } from "../../engines/redis/address.ts";
import { inspectRedis, type RedisFacts, UnusableRedis } from "../../engines/redis/inspect.ts";
import type { Check, Finding } from "./command.ts";

export const redisChecks: readonly Check[] = [{ name: "Redis", run: ({ config }) => redis(config) }];

async function redis({ redis }: Config): Promise<Finding> {
  if (!redis) return { status: "skipped", says: "REDIS_URL is not set: one process, with its own memory" };
  try {
    return judge(await inspectRedis(addressOf(redis.url)));
  } catch (error) {
    if (!(error instanceof UnusableRedis)) throw error;
    return { status: "failed", says: error.message };
  }
}

function judge({ version, evictionPolicy, maxMemoryBytes, replicas, isReplicated }: RedisFacts): Finding {
  if (maxMemoryBytes > 0 && evictionPolicy.startsWith("allkeys")) {
    return {
      status: "warning",
      says: `${version}: maxmemory-policy ${evictionPolicy} may evict the log of changes, and all caches start anew each time`,
      mend: "set maxmemory-policy volatile-lru: timelines may go, and are built again",
    };
  }
  if (maxMemoryBytes > 0 && evictionPolicy === "noeviction") {
    return {
      status: "warning",
      says: `${version}: maxmemory-policy noeviction refuses writes once maxmemory is used up; reads would be slow`,
      mend: "set maxmemory-policy volatile-lru: timelines may go, and are built again",
    };
  }
  if (isReplicated && replicas === 0) {
    return {
      status: "warning",
      says: `${version}: no replica is connected, so nothing takes over when it's lost`,
      mend: "see `redis-cli info replication`",
    };
  }
  return { status: "ok", says: `${version}${replicas > 0 ? `, ${replicas} replicas` : ""}` };
}
