/** Stored timelines of full length, as if they had been read. */
import type { Roost } from "../src/composition.ts";
import { systemClock } from "../src/core/clock.ts";
import { type AccountId, makeId } from "../src/core/ids.ts";
import { RedisClient } from "../src/engines/redis/client.ts";
import { RedisTimelineStore } from "../src/engines/timeline-store/redis.ts";

export const ENTRIES = 800;
const BUILDS_AT_ONCE = 50;
const DAY_MS = 24 * 3600 * 1000;
const IDLE_MS = 30 * DAY_MS;
const AGE_MS = 2 * DAY_MS;

/** Filling is no request: it waits for a machine that is busy. */
export const PATIENT_MS = { prompt: 30_000, bulk: 30_000 } as const;

export function storeOf(client: RedisClient): RedisTimelineStore {
  return new RedisTimelineStore(client, { maxEntries: ENTRIES, idleMs: IDLE_MS }, systemClock);
}

/** In the Redis of a Roost, of two days ago. */
export async function storeTimelines({ config, log }: Roost, viewers: readonly AccountId[]): Promise<void> {
  if (!config.redis) throw new Error("there is no Redis for the timelines");
  await using client = await RedisClient.open({ ...config.redis, log, deadlinesMs: PATIENT_MS });
  await buildTimelines(storeOf(client), viewers, Date.now() - AGE_MS);
}

/** The entries are of the 800 milliseconds from `startMs` on. */
export async function buildTimelines(
  store: RedisTimelineStore,
  viewers: readonly AccountId[],
  startMs: number,
): Promise<void> {
  const entries = Array.from({ length: ENTRIES }, (_, i) => makeId(startMs + ENTRIES - i, i % 1024, 0));
  for (let i = 0; i < viewers.length; i += BUILDS_AT_ONCE) {
    await Promise.all(
      viewers.slice(i, i + BUILDS_AT_ONCE).map(async (viewer) => {
        const ticket = await store.beginBuild(viewer);
        await store.finishBuild(viewer, ticket, { entries, floor: 0n, epoch: 0n });
      }),
    );
  }
}
