/** What events still have to do in other databases than the one that wrote them. Everything may be done twice. */
import { sql } from "kysely";
import type { DomainEvent } from "../core/events.ts";
import type { StatusId } from "../core/ids.ts";
import type { Invalidate } from "../core/invalidation.ts";
import type { Database } from "../engines/database/pools.ts";
import { byItself } from "../engines/database/shards.ts";
import { reactionsOf, settleTold, type ToldReaction } from "./reactions.ts";
import type { StatusCache, StatusRecord } from "./records.ts";
import { removeElsewhere, staleBy } from "./remove.ts";

export async function followUp(
  context: { database: Database; statuses: StatusCache; invalidate: Invalidate },
  events: readonly DomainEvent[],
): Promise<void> {
  const { database, statuses, invalidate } = context;
  const published = events.flatMap((event) => (event.type === "status.published" ? [event.statusId] : []));
  const records = await statuses.getMany(published);
  const reactions = events.flatMap((event) => reactionsIn(event, records));
  const deletedIds = events.flatMap((event) => (event.type === "status.deleted" ? [event.statusId] : []));
  // What was reacted to while it was being deleted: the deletion didn't see the reaction, which commits after it.
  const far = reactions.filter(({ statusId, sourceId }) => !database.shards.areTogether(statusId, sourceId));
  const goneIds = await onlyGone(database, [...new Set(far.map(({ statusId }) => statusId))]);
  const removals = await removeElsewhere(database, [...new Set([...deletedIds, ...goneIds])]);
  const removed = removals.flatMap((removal) => removal.removed).flatMap(reactionsOf);
  const counted = await settleTold(database, [
    ...reactions,
    // With an event of their own, if they are far.
    ...removed.map((reaction) => ({ ...reaction, wasFar: false })),
  ]);
  const stale = staleBy(removals);
  if (Object.values(stale).some((ids) => ids.length > 0)) await invalidate(stale);
  if (counted.size > 0) await invalidate({ statuses: [...counted] });
}

/** What an event may have changed of reactions, and whether it left them to be counted here. */
function reactionsIn(event: DomainEvent, records: ReadonlyMap<StatusId, StatusRecord>): ToldReaction[] {
  switch (event.type) {
    case "status.favourited":
    case "status.unfavourited": {
      const { statusId, accountId: sourceId } = event;
      const wasFar = event.type === "status.unfavourited" || event.isFar === true;
      return [{ kind: "favourite", statusId, sourceId, wasFar }];
    }
    case "status.published": {
      const facts = records.get(event.statusId)?.facts;
      if (!facts) return [];
      const { id, inReplyToId, reblogOfId } = facts;
      const wasFar = event.isFar === true;
      const reactions = reactionsOf({ id, in_reply_to_id: inReplyToId, reblog_of_id: reblogOfId });
      return reactions.map((reaction) => ({ ...reaction, wasFar }));
    }
    case "status.deleted": {
      const { statusId: id, inReplyToId = null, reblogOfId = null } = event;
      const reactions = reactionsOf({ id, in_reply_to_id: inReplyToId, reblog_of_id: reblogOfId });
      return reactions.map((reaction) => ({ ...reaction, wasFar: true }));
    }
    default:
      return [];
  }
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
