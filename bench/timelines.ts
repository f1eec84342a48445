/** Stored timelines of full length, as if they had been read. */
import { systemClock } from "../src/core/clock.ts";
import { type AccountId, makeId } from "../src/core/ids.ts";
import type { RedisClient } from "../src/engines/redis/client.ts";
import { RedisTimelineStore } from "../src/engines/timeline-store/redis.ts";

export const ENTRIES = 800;
const BUILDS_AT_ONCE = 50;
const IDLE_MS = 30 * 24 * 3600 * 1000;

export function storeOf(client: RedisClient): RedisTimelineStore {
  return new RedisTimelineStore(client, { maxEntries: ENTRIES, idleMs: IDLE_MS }, systemClock);
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
