/** Limits that hold over all processes; while Redis is away, each process counts for itself. */
import { RateLimiterRedis } from "rate-limiter-flexible";
import { type MakeLimiter, memoryLimiter } from "../../core/limits.ts";
import { type RedisClient, Script } from "./client.ts";

/** KEYS: a counter. ARGV: points, seconds. → what it stands at, and ms until it starts anew. */
const COUNT = new Script(`
redis.call('SET', KEYS[1], 0, 'EX', ARGV[2], 'NX')
return { redis.call('INCRBY', KEYS[1], ARGV[1]), redis.call('PTTL', KEYS[1]) }`);

export function redisLimiter(client: RedisClient): MakeLimiter {
  /** What the limiter calls of a client: so that deadlines and outages are the same as everywhere. */
  const storeClient = {
    rlflxIncr: ([key, points, seconds]: [string, string, string]) =>
      client.script("prompt", COUNT, [key], [points, seconds]),
    del: (key: string) => client.run("prompt", key, (redis) => redis.del(key)),
  };
  return (name, limit) =>
    new RateLimiterRedis({
      storeClient,
      keyPrefix: `${client.keyPrefix}:limit:${name}`,
      insuranceLimiter: memoryLimiter(name, limit),
      ...limit,
    });
}
