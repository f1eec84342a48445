/**
 * Notifications, as far as whoever undoes their cause takes them back: favourites, boosts, mentions, follows, requests.
 *
 * Storing one and taking it back are each done under the same lock in the recipient's database, and ask under it
 * whether the cause stands. So whichever comes last writes what is true, in any order and however often: what was
 * stored before the cause ended is found and deleted, and what would be stored after finds no cause. The cause may lie
 * in another database. Then it ends first, with an event that makes certain that somebody comes to take the
 * notification back.
 */
import { type RawBuilder, sql } from "kysely";
import { type AccountId, type StatusId, shardOfId } from "../core/ids.ts";
import { askingElsewhere } from "../engines/database/asking-elsewhere.ts";
import type { Db } from "../engines/database/pools.ts";
import type { Shards } from "../engines/database/shards.ts";

export type NotificationType =
  | "mention"
  | "status"
  | "reblog"
  | "favourite"
  | "follow"
  | "follow_request"
  | "update";

/** What names a notification: there is one of these at most. */
export interface Told {
  readonly accountId: AccountId;
  readonly type: NotificationType;
  readonly fromId: AccountId;
  readonly statusId: StatusId | null;
}

/** The directory's database, and where each account's notifications lie. */
export interface Databases {
  readonly db: Db;
  readonly shards: Shards;
}

/** What a follow, or the request for one, is told as. */
export function toldOfFollow(followerId: AccountId, followeeId: AccountId): Told[] {
  const told = { accountId: followeeId, fromId: followerId, statusId: null };
  return [
    { ...told, type: "follow" },
    { ...told, type: "follow_request" },
  ];
}

/** Until the end of the transaction, nobody else stores these or takes them back. */
export async function lockTold(tx: Db, told: readonly Told[]): Promise<void> {
  await lockNames(
    tx,
    told.map(({ accountId, fromId, statusId }) =>
      statusId === null ? pairOf(accountId, fromId) : `${statusId}`,
    ),
  );
}

/** The same for everything that is told of these statuses. */
export async function lockToldOf(tx: Db, statusIds: readonly StatusId[]): Promise<void> {
  await lockNames(tx, statusIds.map(String));
}

/** A change of what holds between two accounts waits for the one before it. */
export async function lockPair(tx: Db, a: AccountId, b: AccountId): Promise<void> {
  await lockNames(tx, [pairOf(a, b)]);
}

function pairOf(a: AccountId, b: AccountId): string {
  return a < b ? `${a}:${b}` : `${b}:${a}`;
}

/** In one order: two that lock several can't each have what the other waits for. */
async function lockNames(tx: Db, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await sql`select pg_advisory_xact_lock(hashtextextended(name, 0))
    from unnest(${[...new Set(names)].sort()}::text[]) as n (name)`.execute(tx);
}

/**
 * As part of the transaction in `here` that has just ended their causes. Resolves to those that lie elsewhere: the
 * transaction writes an event for them, and `takeBackElsewhere` follows its commit.
 */
export async function takeBack(
  tx: Db,
  here: Db,
  { shards }: { readonly shards: Shards },
  told: readonly Told[],
): Promise<Told[]> {
  const [near, far] = [true, false].map((isHere) =>
    told.filter(({ accountId }) => (shards.of(accountId).db === here) === isHere),
  ) as [Told[], Told[]];
  await lockTold(tx, near);
  await deleteTold(tx, near);
  return far;
}

/** Those whose cause stands stay. May be done twice, late, and in any order. */
export async function takeBackElsewhere(databases: Databases, told: readonly Told[]): Promise<void> {
  if (told.length === 0) return;
  await databases.shards.gatherBy(
    told,
    ({ accountId }) => accountId,
    ({ db }, own) =>
      askingElsewhere(databases.shards, () =>
        db.transaction().execute(async (tx) => {
          await lockTold(tx, own);
          const standing = new Set(await onlyCaused(databases, own, { db, tx }));
          await deleteTold(
            tx,
            own.filter((one) => !standing.has(one)),
          );
          return [];
        }),
      ),
  );
}

/** As a request does it, so that the next read is right. If it fails now, the event's consumer comes to it. */
export async function takeBackNow(databases: Databases, told: readonly Told[]): Promise<void> {
  await takeBackElsewhere(databases, told).catch(() => {});
}

async function deleteTold(tx: Db, told: readonly Told[]): Promise<void> {
  if (told.length === 0) return;
  await sql`delete from notifications n using ${asRows(told)}
    where n.account_id = w.account_id and n.type = w.type and n.from_account_id = w.from_id
      and coalesce(n.status_id, 0) = coalesce(w.status_id, 0)`.execute(tx);
}

/** Causes that the directory knows. */
const FOLLOW_STANDS = sql`(w.type <> 'follow' or exists (select 1 from follows f
    where f.follower_id = w.from_id and f.followee_id = w.account_id))
  and (w.type <> 'follow_request' or exists (select 1 from follow_requests r
    where r.requester_id = w.from_id and r.target_id = w.account_id))`;

/** Causes that lie with the status. */
const STATUS_STANDS = sql`(w.status_id is null or exists (select 1 from statuses s where s.id = w.status_id))
  and (w.type <> 'mention' or exists (select 1 from status_mentions m
    where m.status_id = w.status_id and m.account_id = w.account_id))`;

/** Causes that lie with whoever reacted to it. */
const REACTION_STANDS = sql`(w.type <> 'favourite' or exists (select 1 from favourites f
    where f.account_id = w.from_id and f.status_id = w.status_id))
  and (w.type <> 'reblog' or exists (select 1 from statuses b
    where b.author_id = w.from_id and b.reblog_of_id = w.status_id))`;

/** All of them, in one database. */
export const CAUSE_STANDS = sql`${FOLLOW_STANDS} and ${STATUS_STANDS} and ${REACTION_STANDS}`;

/** A transaction that is under way in a database. Whoever holds it asks nothing else there: connections are few. */
export interface Held {
  readonly db: Db;
  readonly tx: Db;
}

/** Those whose cause stands now. */
export async function onlyCaused<One extends Told>(
  { db, shards }: Databases,
  told: readonly One[],
  held: Held,
): Promise<One[]> {
  if (shards.isOne) return onlyThose(held.tx, told, CAUSE_STANDS);
  const followed = told.some(({ statusId }) => statusId === null)
    ? await onlyThose(through(held, db), told, FOLLOW_STANDS)
    : told;
  const there = await shards.gatherBy(
    followed,
    ({ statusId, accountId }) => statusId ?? accountId,
    (database, some) => onlyThose(through(held, database.db), some, STATUS_STANDS),
  );
  return shards.gatherBy(
    there,
    ({ fromId }) => fromId,
    (database, some) => onlyThose(through(held, database.db), some, REACTION_STANDS),
  );
}

export function through(held: Held, db: Db): Db {
  return db === held.db ? held.tx : db;
}

/** `condition` is on `w`. */
export async function onlyThose<One extends Told>(
  db: Db,
  told: readonly One[],
  condition: RawBuilder<unknown>,
): Promise<One[]> {
  if (told.length === 0) return [];
  const { rows } = await sql<{ place: bigint }>`
    select w.place from ${asRows(told)} where ${condition} order by w.place`.execute(db);
  return rows.flatMap(({ place }) => told[Number(place) - 1] ?? []);
}

/** As rows `w`, with their place and the recipient's shard. */
export function asRows(told: readonly Told[]): RawBuilder<unknown> {
  return sql`unnest(${told.map((one) => one.accountId)}::bigint[], ${told.map((one) => one.type)}::text[],
    ${told.map((one) => one.fromId)}::bigint[], ${told.map((one) => one.statusId)}::bigint[],
    ${told.map((one) => shardOfId(one.accountId))}::int[])
    with ordinality as w (account_id, type, from_id, status_id, shard, place)`;
}
