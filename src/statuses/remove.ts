import { sql } from "kysely";
import { NotFound } from "../core/errors.ts";
import type { DomainEvent } from "../core/events.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Stale } from "../core/invalidation.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import type { Shards } from "../engines/database/shards.ts";
import { appendToOutbox } from "../engines/event-log/outbox.ts";
import type { StatusesContext } from "./context.ts";
import { reactionsOf, settleNow } from "./reactions.ts";

/** What one database did. */
export interface Removal {
  readonly removed: readonly Removed[];
  /** Replies, which by now answer nothing. */
  readonly answerIds: readonly StatusId[];
}

interface Removed {
  id: StatusId;
  author_id: AccountId;
  in_reply_to_id: StatusId | null;
  reblog_of_id: StatusId | null;
}

/**
 * Deletes a status of the author's, with its boosts and all that hangs on it. Its media stay, unattached, so that a
 * redraft can use them. Throws NotFound when there is none.
 */
export async function remove(context: StatusesContext, authorId: AccountId, id: StatusId): Promise<void> {
  const { database } = context;
  const { shards } = database;
  const near = await shards
    .of(id)
    .db.transaction()
    .execute(async (tx) => {
      // The lock comes in a statement of its own: a boost that holds the row meanwhile is then seen by the deletion.
      await sql`select 1 from statuses where id = ${id} for update`.execute(tx);
      const { rows } = await sql<Removed>`
      delete from statuses where (id = ${id} and author_id = ${authorId})
        or (reblog_of_id = ${id} and exists (select 1 from statuses where id = ${id} and author_id = ${authorId}))
      returning id, author_id, in_reply_to_id, reblog_of_id`.execute(tx);
      if (!rows.some((row) => row.id === id)) throw new NotFound();
      return removeDependents(tx, shards, rows, []);
    });
  // What fails here is done by the event's consumer; until then boosts without an original show nowhere.
  const far = await removeElsewhere(database, [id]).catch(() => []);
  const removals = [near, ...far];
  await settleNow(
    database,
    removals.flatMap(({ removed }) => removed.flatMap(reactionsOf)),
  );
  await context.invalidate(staleBy(removals));
  context.wakeEventLog();
}

/** Takes away what hangs, in other databases, on statuses that are gone. May be done twice. */
export async function removeElsewhere(
  { shards }: Database,
  goneIds: readonly StatusId[],
): Promise<Removal[]> {
  if (shards.isOne || goneIds.length === 0) return [];
  return shards.gather(({ db }) =>
    db.transaction().execute(async (tx) => {
      const { rows } = await sql<Removed>`
        delete from statuses where reblog_of_id = any(${[...goneIds]}::bigint[])
        returning id, author_id, in_reply_to_id, reblog_of_id`.execute(tx);
      return [await removeDependents(tx, shards, rows, goneIds)];
    }),
  );
}

export function staleBy(removals: readonly Removal[]): Stale {
  const removed = removals.flatMap((removal) => removal.removed);
  const touched = removed.flatMap((row) => [row.id, row.in_reply_to_id, row.reblog_of_id]);
  const authors = [...new Set(removed.map((row) => row.author_id))];
  return {
    statuses: [...removals.flatMap(({ answerIds }) => answerIds), ...touched].filter((id) => id !== null),
    counts: authors,
    authorTimelines: authors,
    marks: authors,
  };
}

/** What is told of it: with what it answered or boosted, where a consumer of the event must count that anew. */
function eventOf(shards: Shards, row: Removed): DomainEvent {
  const { id: statusId, author_id: authorId } = row;
  const far = Object.fromEntries(
    reactionsOf(row)
      .filter((reaction) => !shards.areTogether(reaction.statusId, reaction.sourceId))
      .map(({ kind, statusId }) => [kind === "reply" ? "inReplyToId" : "reblogOfId", statusId]),
  );
  return { type: "status.deleted", statusId, authorId, ...far };
}

/** `goneIds` are of statuses that another database has removed. */
async function removeDependents(
  tx: Db,
  shards: Shards,
  removed: readonly Removed[],
  goneIds: readonly StatusId[],
): Promise<Removal> {
  const ids = [...removed.map((row) => row.id), ...goneIds];
  // Before the counts: what comes near in between is counted here, and then anew by the event.
  const events = removed.map((row) => ({ authorId: row.author_id, event: eventOf(shards, row) }));
  for (const table of [
    "status_mentions",
    "status_tags",
    "status_words",
    "status_edits",
    "status_counts",
    "favourites",
    "bookmarks",
    "notifications",
    "idempotency_keys",
    "remote_reactions",
  ]) {
    await sql`delete from ${sql.table(table)} where status_id = any(${ids}::bigint[])`.execute(tx);
  }
  await sql`update media_attachments set status_id = null, created_at = now()
    where status_id = any(${ids}::bigint[])`.execute(tx);
  await sql`update author_counts c set statuses_count = statuses_count - r.removed
    from (select author_id, count(*) as removed from unnest(${removed.map((row) => row.author_id)}::bigint[]) as r (author_id)
      group by author_id order by author_id) r
    where c.account_id = r.author_id`.execute(tx);
  // Replies keep whom they answer, not what: it's gone.
  const answers = await sql<{ id: StatusId }>`update statuses set in_reply_to_id = null
    where in_reply_to_id = any(${ids}::bigint[]) returning id`.execute(tx);
  for (const row of removed) {
    if (row.in_reply_to_id !== null) {
      await sql`update status_counts set replies_count = greatest(0, replies_count - 1)
        where status_id = ${row.in_reply_to_id}`.execute(tx);
    }
    if (row.reblog_of_id !== null) {
      await sql`update status_counts set reblogs_count = greatest(0, reblogs_count - 1)
        where status_id = ${row.reblog_of_id}`.execute(tx);
    }
  }
  for (const { authorId, event } of events) await appendToOutbox(tx, authorId, event);
  return { removed, answerIds: answers.rows.map(({ id }) => id) };
}
