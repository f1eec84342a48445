/** Puts right what older versions counted: direct posts, and reactions that not everybody may see. */
import { sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Invalidate } from "../core/invalidation.ts";
import { goOverOldRows, type Range } from "../engines/database/old-rows.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import { REACTION_CODES, type Reaction, reactionsOf, recount } from "./reactions.ts";
import { COUNTS_FOR_AUTHOR, countsForAll, visibilityOf } from "./visibility.ts";

interface CountedRow {
  readonly id: StatusId;
  readonly author_id: AccountId;
  readonly visibility: number;
  readonly in_reply_to_id: StatusId | null;
  readonly reblog_of_id: StatusId | null;
}

export function recountOld(
  context: { database: Database; clock: Clock; invalidate: Invalidate },
  signal: AbortSignal,
): Promise<void> {
  const { database, clock, invalidate } = context;
  const handle = async (rows: readonly CountedRow[]): Promise<void> => {
    const hidden = rows.filter(({ visibility }) => !countsForAll(visibilityOf(visibility)));
    const direct = hidden.filter(({ visibility }) => visibilityOf(visibility) === "direct");
    const authors = [...new Set(direct.map((row) => row.author_id))];
    const reactions = hidden.flatMap(reactionsOf);
    const statuses = [...new Set(reactions.map(({ statusId }) => statusId))];
    for (const id of authors) await recountAuthor(database, id);
    for (const reaction of reactions) await uncountFar(database, reaction);
    for (const id of statuses) await recount(database, id);
    if (authors.length > 0 || statuses.length > 0) await invalidate({ counts: authors, statuses });
  };
  return goOverOldRows({ database, clock, signal }, { what: "statuses", read: readStatuses, handle });
}

async function readStatuses(db: Db, { above, upTo, limit }: Range): Promise<CountedRow[]> {
  const { rows } = await sql<CountedRow>`
    select id, author_id, visibility, in_reply_to_id, reblog_of_id from statuses
    where id > ${above} and id <= ${upTo} order by id limit ${limit}`.execute(db);
  return rows;
}

/** The lock comes first, then the count: a post that comes meanwhile counts itself after it. */
async function recountAuthor({ shards }: Database, id: AccountId): Promise<void> {
  const { db } = shards.of(id);
  await db.transaction().execute(async (tx) => {
    await sql`select 1 from author_counts where account_id = ${id} for update`.execute(tx);
    await sql`update author_counts set
        statuses_count = (select count(*) from statuses where author_id = ${id} and ${COUNTS_FOR_AUTHOR}),
        last_status_at = (select created_at from statuses where author_id = ${id} and ${COUNTS_FOR_AUTHOR}
          order by id desc limit 1)
      where account_id = ${id}`.execute(tx);
  });
}

async function uncountFar({ shards }: Database, { kind, statusId, sourceId }: Reaction): Promise<void> {
  if (shards.isOne) return;
  await sql`update remote_reactions set is_counted = false
    where status_id = ${statusId} and kind = ${REACTION_CODES[kind]} and source_id = ${sourceId}`.execute(
    shards.of(statusId).db,
  );
}
