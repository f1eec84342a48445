/** For tests: shared levels on Redis as processes have them that have been running for a while. */
import type { RedisClient } from "../redis/client.ts";
import { type Text, textForm } from "./contract.ts";
import { FencedLevel } from "./fenced-level.ts";
import { Freshness } from "./freshness.ts";
import { RedisSharedCache } from "./redis.ts";

const KEPT_MS = 60_000;

/** What `sharedLevelContract` opens. */
export function levelsOn([one, other]: readonly [RedisClient, RedisClient]) {
  return { levels: [levelOn(one), levelOn(other)] as const, keptMs: KEPT_MS, isShared: true };
}

function levelOn(client: RedisClient): FencedLevel<bigint, Text> {
  // Time passes only here: beyond the time in which a new process refuses everything.
  let nowMs = 0;
  const clock = { nowMs: () => nowMs };
  const freshness = new Freshness({ keptMsMax: KEPT_MS, clock });
  freshness.readTo({ history: "a", entry: 1n });
  nowMs = 2 * KEPT_MS;
  return new FencedLevel({
    cache: new RedisSharedCache(client),
    freshness,
    keptMs: KEPT_MS,
    clock,
    onRead: () => {},
    form: textForm,
    subjectOf: String,
  });
}
