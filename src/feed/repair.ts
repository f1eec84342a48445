/** Keeps stored timelines right when a relation changes. */
import { ignoreUnavailable } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import type { Database } from "../engines/database/pools.ts";
import type { TimelineStore } from "../engines/timeline-store/port.ts";
import type { TimelineRepair } from "../relations/context.ts";
import type { RelationsCache } from "../relations/relations.ts";
import { candidatesOfFollow } from "./candidates.ts";

const MAX_BACKFILL = 800;

/**
 * Unfollows, blocks, mutes and deletes need nothing: the reader leaves their entries out. What adds entries does: a
 * follow brings the followed account's posts, and the replies to it that were left out before. They are merged in
 * under the epoch the follow moved; whatever was computed under another epoch is dropped, and read anew.
 *
 * When the store is away, nothing is done and nothing is wrong: the change has moved the epoch, and a reader takes no
 * timeline of the one before.
 *
 * No status is missed between this and fan-out: one that committed before the follow is read here; one that commits
 * after it is fanned out by a worker that sees the follow.
 */
export function timelineRepair(context: {
  database: Database;
  store: TimelineStore;
  relations: RelationsCache;
}): TimelineRepair {
  const { database, store, relations } = context;
  async function backfill(
    viewerId: AccountId,
    targetId: AccountId,
    epoch: { from: bigint; to: bigint },
  ): Promise<void> {
    const read = await store.read(viewerId, null, 0);
    // Nothing stored; but a build under way may have read the relations of before.
    if (read.state !== "hit") return store.drop(viewerId);
    const { floor } = read;
    const now = await relations.of(viewerId);
    const entries = await candidatesOfFollow(database, now, targetId, floor, MAX_BACKFILL);
    // As many as asked for may not be all: then building anew is the shorter way.
    if (entries.length === MAX_BACKFILL) return store.drop(viewerId);
    await store.merge(viewerId, { entries, floor, fromEpoch: epoch.from, toEpoch: epoch.to });
  }
  return {
    followed: (viewerId, targetId, epoch) => backfill(viewerId, targetId, epoch).catch(ignoreUnavailable),
    widened: (viewerId) => store.drop(viewerId).catch(ignoreUnavailable),
  };
}
