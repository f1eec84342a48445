/** What processes share when REDIS_URL is set, and the twins of one process alone. */
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { systemClock } from "../core/clock.ts";
import { UnusableSetup } from "../core/errors.ts";
import { type MakeLimiter, memoryLimiter } from "../core/limits.ts";
import type { Metrics } from "../core/telemetry/metrics.ts";
import { MemoryInvalidationLog } from "../engines/invalidation-log/memory.ts";
import type { InvalidationLog } from "../engines/invalidation-log/port.ts";
import { RedisInvalidationLog } from "../engines/invalidation-log/redis.ts";
import { MemoryLiveBus } from "../engines/live-bus/memory.ts";
import type { LiveBus } from "../engines/live-bus/port.ts";
import { RedisLiveBus } from "../engines/live-bus/redis.ts";
import { RedisClient } from "../engines/redis/client.ts";
import { UnusableRedis } from "../engines/redis/inspect.ts";
import { redisLimiter } from "../engines/redis/limiters.ts";
import { RedisSharedCache } from "../engines/shared-cache/redis.ts";
import { MemoryTimelineStore } from "../engines/timeline-store/memory.ts";
import type { TimelineStore } from "../engines/timeline-store/port.ts";
import { RedisTimelineStore } from "../engines/timeline-store/redis.ts";

const DAY_MS = 24 * 3600 * 1000;

export interface SharedEngines {
  /** Whether other processes work on the same data. */
  readonly isShared: boolean;
  readonly store: TimelineStore;
  readonly liveBus: LiveBus;
  readonly invalidationLog: InvalidationLog;
  /** Null: what this process loads is nobody else's. */
  readonly sharedCache: RedisSharedCache | null;
  readonly makeLimiter: MakeLimiter;
  /** Called now and then. */
  readonly keepHouse: () => void;
  /** Loses all stored timelines, as may happen at any time. */
  readonly loseTimelines: () => Promise<void>;
}

/** Without `redis`, for this process alone. */
export async function openShared(
  redis: Config["redis"],
  config: Config,
  { log, metrics }: { log: Logger; metrics: Metrics },
  opened: AsyncDisposableStack,
): Promise<SharedEngines> {
  return redis ? overRedis(config, redis, { log, metrics }, opened) : inMemory(config, metrics, opened);
}

function inMemory(
  { timelines: { maxEntries, maxInMemory, idleDays } }: Config,
  metrics: Metrics,
  opened: AsyncDisposableStack,
): SharedEngines {
  const limits = { maxEntries, maxTimelines: maxInMemory, idleMs: idleDays * DAY_MS };
  const store = opened.use(new MemoryTimelineStore(limits, systemClock));
  return {
    isShared: false,
    store,
    liveBus: opened.use(new MemoryLiveBus()),
    invalidationLog: opened.use(new MemoryInvalidationLog()),
    sharedCache: null,
    makeLimiter: memoryLimiter,
    keepHouse: () => {
      store.dropIdle();
      metrics.timelines.set(store.usage().timelines);
    },
    loseTimelines: async () => store.clear(),
  };
}

async function overRedis(
  config: Config,
  { url, keyPrefix }: { url: string; keyPrefix: string },
  { log, metrics }: { log: Logger; metrics: Metrics },
  opened: AsyncDisposableStack,
): Promise<SharedEngines> {
  const onChange = (isAway: boolean) => metrics.redisAway.set(isAway ? 1 : 0);
  const client = opened.use(await RedisClient.open({ url, keyPrefix, log, onChange }).catch(refuse));
  const { maxEntries, idleDays } = config.timelines;
  const store = new RedisTimelineStore(client, { maxEntries, idleMs: idleDays * DAY_MS }, systemClock);
  return {
    isShared: true,
    store: opened.use(store),
    liveBus: opened.use(await RedisLiveBus.open(client)),
    invalidationLog: opened.use(new RedisInvalidationLog(client)),
    sharedCache: new RedisSharedCache(client),
    makeLimiter: redisLimiter(client),
    // Redis lets go of timelines by itself.
    keepHouse: () => {},
    loseTimelines: () => client.flush(),
  };
}

function refuse(error: unknown): never {
  if (error instanceof UnusableRedis) throw new UnusableSetup(error.message, { isAway: error.isAway });
  throw error;
}
