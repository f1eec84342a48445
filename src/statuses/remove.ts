import { sql } from "kysely";
import { lockToldOf, type Told, takeBackNow } from "../accounts/told.ts";
import { NotFound } from "../core/errors.ts";
import type { DomainEvent } from "../core/events.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Stale } from "../core/invalidation.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import type { Shards } from "../engines/database/shards.ts";
import { appendToOutbox } from "../engines/event-log/outbox.ts";
import { releaseMedia } from "../media/expiry.ts";
import type { StatusesContext } from "./context.ts";
import { reactionsOf, settleNow } from "./reactions.ts";
import { COUNTS_FOR_ALL, COUNTS_FOR_AUTHOR, visibilityOf } from "./visibility.ts";

/** What one database did. */
export interface Removal {
  readonly removed: readonly Removed[];
  /** Replies, which by now answer nothing. */
  readonly answerIds: readonly StatusId[];
  /** Files that are to go at once. */
  readonly fileKeys: readonly string[];
}

interface Removed {
  id: StatusId;
  author_id: AccountId;
  visibility: number;
  in_reply_to_id: StatusId | null;
  reblog_of_id: StatusId | null;
}

const REMOVED = sql`id, author_id, visibility, in_reply_to_id, reblog_of_id`;

/**
 * Deletes a status of the author's, with its boosts and all that hangs on it. Its media stay for an hour, unattached,
 * so that a redraft can use them, unless they are to be deleted, too: then resolves to the keys of their files, which
 * are listed as going. Throws NotFound when there is none.
 */
export async function remove(
  context: StatusesContext,
  authorId: AccountId,
  id: StatusId,
  { deletesMedia = false } = {},
): Promise<readonly string[]> {
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
      returning ${REMOVED}`.execute(tx);
      if (!rows.some((row) => row.id === id)) throw new NotFound();
      return removeDependents(tx, shards, rows, { goneIds: [], deletesMedia });
    });
  // What fails here is done by the event's consumer; until then boosts without an original show nowhere.
  const far = await removeElsewhere(database, [id]).catch(() => []);
  const removals = [near, ...far];
  await settleNow(
    database,
    removals.flatMap(({ removed }) => removed.flatMap(reactionsOf)),
  );
  await takeBackNow(database, await farBoosts(context, removals));
  await context.invalidate(staleBy(removals));
  context.wakeEventLog();
  return near.fileKeys;
}

/** What was told, in other databases, of boosts whose originals stay. */
async function farBoosts(
  { database: { shards }, statuses }: StatusesContext,
  removals: readonly Removal[],
): Promise<Told[]> {
  if (shards.isOne) return [];
  const boosts = removals.flatMap(({ removed }) =>
    removed.flatMap(({ id, author_id: fromId, reblog_of_id: statusId }) =>
      statusId === null || shards.areTogether(id, statusId) ? [] : [{ fromId, statusId }],
    ),
  );
  const originals = await statuses.getMany(boosts.map(({ statusId }) => statusId));
  return boosts.flatMap(({ fromId, statusId }): Told[] => {
    const accountId = originals.get(statusId)?.facts.authorId;
    return accountId === undefined ? [] : [{ accountId, type: "reblog", fromId, statusId }];
  });
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
        returning ${REMOVED}`.execute(tx);
      return [await removeDependents(tx, shards, rows, { goneIds, deletesMedia: false })];
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

/**
 * What is told of it: whom it mentioned, since nobody can look that up any more; and what it answered or boosted, where
 * a consumer of the event must count that anew.
 */
function eventOf(shards: Shards, row: Removed, mentionIds: readonly AccountId[]): DomainEvent {
  const { id: statusId, author_id: authorId } = row;
  const far = Object.fromEntries(
    reactionsOf(row)
      .filter((reaction) => !shards.areTogether(reaction.statusId, reaction.sourceId))
      .map(({ kind, statusId }) => [kind === "reply" ? "inReplyToId" : "reblogOfId", statusId]),
  );
  return {
    type: "status.deleted",
    statusId,
    authorId,
    ...far,
    ...(mentionIds.length > 0 ? { mentionIds } : {}),
    ...(visibilityOf(row.visibility) === "direct" ? { isDirect: true as const } : {}),
  };
}

/** `goneIds` are of statuses that another database has removed. */
async function removeDependents(
  tx: Db,
  shards: Shards,
  removed: readonly Removed[],
  { goneIds, deletesMedia }: { goneIds: readonly StatusId[]; deletesMedia: boolean },
): Promise<Removal> {
  const ids = [...removed.map((row) => row.id), ...goneIds];
  // Before the counts: what comes near in between is counted here, and then anew by the event.
  const mentions = await mentionsOf(tx, ids);
  const events = removed.map((row) => ({
    authorId: row.author_id,
    event: eventOf(shards, row, mentions.get(row.id) ?? []),
  }));
  const boosts = removed.filter(({ reblog_of_id }) => reblog_of_id !== null);
  // Nothing is told of a boost as such, but of what it boosts; see `told.ts`.
  const boostIds = new Set(boosts.map(({ id }) => id));
  await lockToldOf(tx, [
    ...ids.filter((id) => !boostIds.has(id)),
    ...boosts.flatMap(({ reblog_of_id }) => reblog_of_id ?? []),
  ]);
  await sql`delete from notifications n
    using unnest(${boosts.map((row) => row.reblog_of_id)}::bigint[], ${boosts.map((row) => row.author_id)}::bigint[])
      as b (status_id, author_id)
    where n.status_id = b.status_id and n.type = 'reblog' and n.from_account_id = b.author_id`.execute(tx);
  // Before the histories are gone, which name media, too.
  const fileKeys = await releaseMedia(tx, ids, { atOnce: deletesMedia });
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
  await uncount(tx, removed);
  // Replies keep whom they answer, not what: it's gone.
  const answers = await sql<{ id: StatusId }>`update statuses set in_reply_to_id = null
    where in_reply_to_id = any(${ids}::bigint[]) returning id`.execute(tx);
  for (const { authorId, event } of events) await appendToOutbox(tx, authorId, event);
  return { removed, answerIds: answers.rows.map(({ id }) => id), fileKeys };
}

async function mentionsOf(tx: Db, ids: readonly StatusId[]): Promise<Map<StatusId, AccountId[]>> {
  const { rows } = await sql<{ status_id: StatusId; account_ids: AccountId[] }>`
    select status_id, array_agg(account_id) as account_ids from status_mentions
    where status_id = any(${[...ids]}::bigint[]) group by status_id`.execute(tx);
  return new Map(rows.map((row) => [row.status_id, row.account_ids]));
}

/** Takes from the counts what was added for these; see `visibility.ts`. Rows are changed in the order of their keys. */
async function uncount(tx: Db, removed: readonly Removed[]): Promise<void> {
  const rows = sql`unnest(${removed.map((row) => row.author_id)}::bigint[], ${removed.map((row) => row.visibility)}::int[],
    ${removed.map((row) => row.in_reply_to_id)}::bigint[], ${removed.map((row) => row.reblog_of_id)}::bigint[])
    as r (author_id, visibility, in_reply_to_id, reblog_of_id)`;
  // First, so that what is counted below has all that came before.
  await sql`select 1 from author_counts where account_id = any(${removed.map((row) => row.author_id)}::bigint[])
    order by account_id for update`.execute(tx);
  await sql`update author_counts c set statuses_count = greatest(0, statuses_count - r.removed),
      last_status_at = (select created_at from statuses s where s.author_id = r.author_id and ${COUNTS_FOR_AUTHOR}
        order by id desc limit 1)
    from (select author_id, count(*) as removed from ${rows} where ${COUNTS_FOR_AUTHOR}
      group by author_id order by author_id) r
    where c.account_id = r.author_id`.execute(tx);
  await sql`update status_counts c set replies_count = greatest(0, replies_count - r.replies),
      reblogs_count = greatest(0, reblogs_count - r.reblogs)
    from (select coalesce(in_reply_to_id, reblog_of_id) as status_id, count(in_reply_to_id) as replies,
        count(reblog_of_id) as reblogs
      from ${rows} where ${COUNTS_FOR_ALL} group by 1 order by 1) r
    where c.status_id = r.status_id`.execute(tx);
}
