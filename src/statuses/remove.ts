import { sql } from "kysely";
import { NotFound } from "../core/errors.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import { appendToOutbox } from "../engines/event-log/outbox.ts";
import type { StatusesContext } from "./context.ts";

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
  const removed = await context.database.db.transaction().execute(async (tx) => {
    // The lock comes in a statement of its own: a boost that holds the row meanwhile is then seen by the deletion.
    await sql`select 1 from statuses where id = ${id} for update`.execute(tx);
    const { rows } = await sql<Removed>`
      delete from statuses where (id = ${id} and author_id = ${authorId})
        or (reblog_of_id = ${id} and exists (select 1 from statuses where id = ${id} and author_id = ${authorId}))
      returning id, author_id, in_reply_to_id, reblog_of_id`.execute(tx);
    if (!rows.some((row) => row.id === id)) throw new NotFound();
    await removeDependents(tx, rows);
    for (const row of rows) {
      await appendToOutbox(tx, row.author_id, {
        type: "status.deleted",
        statusId: row.id,
        authorId: row.author_id,
      });
    }
    return rows;
  });
  const touched = removed.flatMap((row) => [row.id, row.in_reply_to_id, row.reblog_of_id]);
  const authors = [...new Set(removed.map((row) => row.author_id))];
  await context.invalidate({
    statuses: touched.filter((status) => status !== null),
    accounts: authors,
    authorTimelines: authors,
    marks: authors,
  });
  context.wakeEventLog();
}

async function removeDependents(tx: Db, removed: readonly Removed[]): Promise<void> {
  const ids = removed.map((row) => row.id);
  for (const table of [
    "status_mentions",
    "status_tags",
    "status_edits",
    "status_counts",
    "favourites",
    "bookmarks",
    "notifications",
    "idempotency_keys",
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
  await sql`update statuses set in_reply_to_id = null where in_reply_to_id = any(${ids}::bigint[])`.execute(
    tx,
  );
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
}
