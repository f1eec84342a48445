/**
 * What a home timeline is, in SQL. Everything else in this folder is a faster way to the same answer and is held
 * against it.
 */
import { sql } from "kysely";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";

/** A boost is dropped when what it boosts, or another boost of it, is among this many entries right below it. */
export const REPEAT_WINDOW = 80;

/** The whole home timeline of the viewer, newest first. */
export async function homeTimelineBySql(db: Db, viewerId: AccountId): Promise<StatusId[]> {
  const { rows } = await sql<{ id: StatusId }>`
    with candidates as (
      select s.id, s.author_id, s.visibility, s.reblog_of_id, s.in_reply_to_account_id,
        f.follower_id is not null as followed, coalesce(f.show_reblogs, true) as show_reblogs,
        o.author_id as original_author_id, o.visibility as original_visibility
      from statuses s
      left join follows f on f.follower_id = ${viewerId} and f.followee_id = s.author_id
      left join statuses o on o.id = s.reblog_of_id
      where (s.author_id = ${viewerId} or f.follower_id is not null)
        and (s.reblog_of_id is null or o.id is not null)),
    unwanted as (
      select target_id as account_id from blocks where account_id = ${viewerId}
      union select target_id from mutes
        where account_id = ${viewerId} and (expires_at is null or expires_at > now())),
    hidden as (
      select account_id from unwanted
      union select account_id from blocks where target_id = ${viewerId}),
    entries as (
      select c.id, c.reblog_of_id, row_number() over (order by c.id desc) as place
      from candidates c
      where not exists (select 1 from accounts a
          where a.id in (c.author_id, c.original_author_id) and a.suspended_at is not null)
        and (c.author_id = ${viewerId} or c.author_id not in (select account_id from hidden))
        and (c.author_id = ${viewerId} or not exists (
          select 1 from lists l join list_members m on m.list_id = l.id
          where l.account_id = ${viewerId} and l.exclusive and m.member_id = c.author_id))
        and (c.original_author_id is null or c.original_author_id = ${viewerId}
          or (c.original_author_id not in (select account_id from hidden)
            and c.original_visibility <> 3
            and (c.original_visibility <> 2 or exists (select 1 from follows
              where follower_id = ${viewerId} and followee_id = c.original_author_id))))
        and (${viewerId} in (c.author_id, c.original_author_id) or not exists (
          select 1 from status_mentions
          where status_id = coalesce(c.reblog_of_id, c.id) and account_id in (select account_id from unwanted)))
        and (c.visibility <> 3 or c.author_id = ${viewerId} or exists (
          select 1 from status_mentions where status_id = c.id and account_id = ${viewerId}))
        and (c.author_id = ${viewerId}
          or case when c.reblog_of_id is not null then c.show_reblogs
            else c.in_reply_to_account_id is null or c.in_reply_to_account_id = ${viewerId}
              or exists (select 1 from follows
                where follower_id = ${viewerId} and followee_id = c.in_reply_to_account_id) end))
    select e.id from entries e
    where e.reblog_of_id is null or not exists (
      select 1 from entries older
      where older.place > e.place and older.place <= e.place + ${REPEAT_WINDOW}
        and coalesce(older.reblog_of_id, older.id) = e.reblog_of_id)
    order by e.id desc`.execute(db);
  return rows.map((row) => row.id);
}
