/** What events still have to do in other databases than the one that wrote them. Everything may be done twice. */
import { sql } from "kysely";
import type { DomainEvent } from "../core/events.ts";
import type { StatusId } from "../core/ids.ts";
import type { Invalidate } from "../core/invalidation.ts";
import type { Database } from "../engines/database/pools.ts";
import { byItself } from "../engines/database/shards.ts";
import { type Reaction, reactionsOf, settleReactions } from "./reactions.ts";
import type { StatusCache } from "./records.ts";
import { removeElsewhere, staleBy } from "./remove.ts";

export async function followUp(
  context: { database: Database; statuses: StatusCache; invalidate: Invalidate },
  events: readonly DomainEvent[],
): Promise<void> {
  const { database, statuses, invalidate } = context;
  const published = events.flatMap((event) => (event.type === "status.published" ? [event.statusId] : []));
  const records = [...(await statuses.getMany(published)).values()];
  const reactions = [...records.flatMap(({ row }) => reactionsOf(row)), ...events.flatMap(reactionsTo)];
  const far = reactions.filter(({ statusId, sourceId }) => !database.shards.areTogether(statusId, sourceId));
  const deletedIds = events.flatMap((event) => (event.type === "status.deleted" ? [event.statusId] : []));
  // What was reacted to while it was being deleted: the deletion didn't see the reaction, which commits after it.
  const goneIds = await onlyGone(database, [...new Set(far.map(({ statusId }) => statusId))]);
  const removals = await removeElsewhere(database, [...new Set([...deletedIds, ...goneIds])]);
  const removed = removals.flatMap((removal) => removal.removed);
  const counted = await settleReactions(database, [...far, ...removed.flatMap(reactionsOf)]);
  const stale = staleBy(removals);
  if (Object.values(stale).some((ids) => ids.length > 0)) await invalidate(stale);
  if (counted.length > 0) await invalidate({ statuses: counted });
}

function reactionsTo(event: DomainEvent): Reaction[] {
  if (event.type === "status.favourited" || event.type === "status.unfavourited")
    return [{ kind: "favourite", statusId: event.statusId, sourceId: event.accountId }];
  if (event.type !== "status.deleted") return [];
  const { statusId: id, inReplyToId = null, reblogOfId = null } = event;
  return reactionsOf({ id, in_reply_to_id: inReplyToId, reblog_of_id: reblogOfId });
}

/** Asked of the primaries: what a cache or a replica doesn't have may be there all the same. */
async function onlyGone({ shards }: Database, ids: readonly StatusId[]): Promise<StatusId[]> {
  if (ids.length === 0) return [];
  const found = await shards.gatherBy(ids, byItself, async ({ db }, own) => {
    const { rows } = await sql<{ id: StatusId }>`
      select id from statuses where id = any(${[...own]}::bigint[])`.execute(db);
    return rows;
  });
  const there = new Set(found.map(({ id }) => id));
  return ids.filter((id) => !there.has(id));
}
