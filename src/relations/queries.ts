import { type RawBuilder, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { AccountId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";

export interface RelationshipRow {
  readonly id: AccountId;
  readonly following: boolean;
  readonly showing_reblogs: boolean;
  readonly notifying: boolean;
  readonly followed_by: boolean;
  readonly blocking: boolean;
  readonly blocked_by: boolean;
  readonly muting: boolean;
  readonly muting_notifications: boolean;
  readonly muting_expires_at: Date | null;
  readonly requested: boolean;
  readonly requested_by: boolean;
  readonly note: string;
}

/** How the viewer stands to each of the accounts, in the order asked; accounts that don't exist are left out. */
export async function relationships(
  db: Db,
  clock: Clock,
  viewerId: AccountId,
  ids: readonly AccountId[],
): Promise<RelationshipRow[]> {
  const now = new Date(clock.nowMs());
  const { rows } = await sql<RelationshipRow>`
    select a.id, f.follower_id is not null as following,
      coalesce(f.show_reblogs, false) as showing_reblogs, coalesce(f.notify, false) as notifying,
      exists (select 1 from follows where follower_id = a.id and followee_id = ${viewerId}) as followed_by,
      exists (select 1 from blocks where account_id = ${viewerId} and target_id = a.id) as blocking,
      exists (select 1 from blocks where account_id = a.id and target_id = ${viewerId}) as blocked_by,
      m.account_id is not null as muting, coalesce(m.hide_notifications, false) as muting_notifications,
      m.expires_at as muting_expires_at,
      exists (select 1 from follow_requests where requester_id = ${viewerId} and target_id = a.id) as requested,
      exists (select 1 from follow_requests where requester_id = a.id and target_id = ${viewerId}) as requested_by,
      coalesce(n.comment, '') as note
    from unnest(${[...ids]}::bigint[]) with ordinality as i (id, place)
    join accounts a on a.id = i.id
    left join follows f on f.follower_id = ${viewerId} and f.followee_id = a.id
    left join mutes m on m.account_id = ${viewerId} and m.target_id = a.id
      and (m.expires_at is null or m.expires_at > ${now})
    left join account_notes n on n.account_id = ${viewerId} and n.target_id = a.id
    order by i.place`.execute(db);
  return rows;
}

/** Pairs (row, account) that lists of accounts page by; `accountId` is whose list it is. */
export const ACCOUNT_LISTS = {
  followers: (accountId: AccountId) =>
    sql`select id as row_id, follower_id as id from follows where followee_id = ${accountId}`,
  following: (accountId: AccountId) =>
    sql`select id as row_id, followee_id as id from follows where follower_id = ${accountId}`,
  blocks: (accountId: AccountId) =>
    sql`select id as row_id, target_id as id from blocks where account_id = ${accountId}`,
  mutes: (accountId: AccountId) =>
    sql`select id as row_id, target_id as id from mutes
      where account_id = ${accountId} and (expires_at is null or expires_at > now())`,
  followRequests: (accountId: AccountId) =>
    sql`select id as row_id, requester_id as id from follow_requests where target_id = ${accountId}`,
  listMembers: (listId: bigint) =>
    sql`select id as row_id, member_id as id from list_members where list_id = ${listId}`,
} satisfies Record<string, (id: bigint) => RawBuilder<unknown>>;

export async function setAccountNote(
  db: Db,
  viewerId: AccountId,
  targetId: AccountId,
  comment: string,
): Promise<void> {
  await sql`insert into account_notes (account_id, target_id, comment) values (${viewerId}, ${targetId}, ${comment})
    on conflict (account_id, target_id) do update set comment = excluded.comment`.execute(db);
}

/** Of the accounts that the viewer follows and doesn't mute, those that follow `targetId`, for each target. */
export async function familiarFollowers(
  db: Db,
  viewerId: AccountId,
  targetIds: readonly AccountId[],
  limit: number,
): Promise<{ target_id: AccountId; follower_ids: AccountId[] }[]> {
  const { rows } = await sql<{ target_id: AccountId; follower_ids: AccountId[] }>`
    select t.id as target_id, array(
      select f.follower_id from follows mine join follows f on f.follower_id = mine.followee_id
      where mine.follower_id = ${viewerId} and f.followee_id = t.id
        and not exists (select 1 from mutes m where m.account_id = ${viewerId} and m.target_id = f.follower_id
          and (m.expires_at is null or m.expires_at > now())) limit ${limit}) as follower_ids
    from unnest(${[...targetIds]}::bigint[]) as t (id)`.execute(db);
  return rows;
}
