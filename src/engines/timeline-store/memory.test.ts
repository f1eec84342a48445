import { describe, expect, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { timelineStoreContract } from "./contract.ts";
import { MemoryTimelineStore } from "./memory.ts";

describe("the timeline store in memory", () => {
  timelineStoreContract(async (maxEntries) => {
    const store = new MemoryTimelineStore({ maxEntries, maxTimelines: 100, idleMs: 1_000 }, systemClock);
    return [store, store];
  });
});

async function filled(store: MemoryTimelineStore, ...viewers: bigint[]): Promise<void> {
  for (const viewer of viewers) {
    const ticket = await store.beginBuild(viewer);
    await store.finishBuild(viewer, ticket, { entries: [10n], floor: 0n, epoch: 0n });
  }
}

test("the least recently read timeline gives way to a new one", async () => {
  const store = new MemoryTimelineStore({ maxEntries: 5, maxTimelines: 2, idleMs: 1_000 }, systemClock);
  await filled(store, 1n, 2n);
  await store.read(1n, null, 1);
  await filled(store, 3n);
  expect((await store.read(2n, null, 1)).state).toBe("miss");
  expect((await store.read(1n, null, 1)).state).toBe("hit");
});

test("what nobody read for the idle time is dropped, and nothing else", async () => {
  const clock = { ms: 0, nowMs: () => clock.ms };
  const store = new MemoryTimelineStore({ maxEntries: 5, maxTimelines: 10, idleMs: 1_000 }, clock);
  await filled(store, 1n, 2n);
  clock.ms = 800;
  await store.read(1n, null, 1);
  clock.ms = 1_500;
  store.dropIdle();
  expect((await store.read(1n, null, 1)).state).toBe("hit");
  expect((await store.read(2n, null, 1)).state).toBe("miss");
});
