/** What home timelines are by the defining query, also where statuses are spread over databases. */
import { sql } from "kysely";
import type { AccountId, StatusId } from "../../src/core/ids.ts";
import type { Database } from "../../src/engines/database/pools.ts";
import { homeTimelineBySql } from "../../src/feed/oracle.ts";

interface StatusRow {
  id: StatusId;
  author_id: AccountId;
  visibility: number;
  reblog_of_id: StatusId | null;
  in_reply_to_account_id: AccountId | null;
}

interface MentionRow {
  status_id: StatusId;
  account_id: AccountId;
}

/**
 * Of these viewers, in their order. The query is for one database: statuses of all are put together in temporary tables
 * of the main one, which hide those that it has itself, for as long as the transaction lasts.
 */
export async function homesBySql(
  database: Database,
  viewerIds: readonly AccountId[],
): Promise<(readonly StatusId[])[]> {
  const { shards, db } = database;
  const statuses = await shards.gather(async (shard) => {
    const found = await sql<StatusRow>`
      select id, author_id, visibility, reblog_of_id, in_reply_to_account_id from statuses`.execute(shard.db);
    return found.rows;
  });
  const mentions = await shards.gather(async (shard) => {
    const found = await sql<MentionRow>`select status_id, account_id from status_mentions`.execute(shard.db);
    return found.rows;
  });
  return db.transaction().execute(async (tx) => {
    await sql`create temporary table statuses (id bigint primary key, author_id bigint, visibility smallint,
      reblog_of_id bigint, in_reply_to_account_id bigint) on commit drop`.execute(tx);
    await sql`create temporary table status_mentions (status_id bigint, account_id bigint)
      on commit drop`.execute(tx);
    const column = <Row>(rows: readonly Row[], name: keyof Row) => rows.map((row) => row[name]);
    await sql`insert into statuses select * from unnest(
      ${column(statuses, "id")}::bigint[], ${column(statuses, "author_id")}::bigint[],
      ${column(statuses, "visibility")}::smallint[], ${column(statuses, "reblog_of_id")}::bigint[],
      ${column(statuses, "in_reply_to_account_id")}::bigint[])`.execute(tx);
    await sql`insert into status_mentions select * from unnest(
      ${column(mentions, "status_id")}::bigint[], ${column(mentions, "account_id")}::bigint[])`.execute(tx);
    const homes: (readonly StatusId[])[] = [];
    for (const viewerId of viewerIds) homes.push(await homeTimelineBySql(tx, viewerId));
    return homes;
  });
}
