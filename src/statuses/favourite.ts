import { sql } from "kysely";
import { lockTold, takeBack, takeBackNow } from "../accounts/told.ts";
import { NotFound } from "../core/errors.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import { appendToOutbox } from "../engines/event-log/outbox.ts";
import { requireVisible } from "./access.ts";
import type { StatusesContext } from "./context.ts";
import { settleNow } from "./reactions.ts";
import type { StatusRecord } from "./records.ts";
import { visibleOrWithheld } from "./withheld.ts";

/** Favourites, once. Resolves to the status. */
export async function favourite(
  context: StatusesContext,
  accountId: AccountId,
  statusId: StatusId,
): Promise<StatusRecord> {
  const id = await originalId(context, accountId, statusId);
  const { isNear, db } = placeOf(context, accountId, id);
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql`insert into favourites (account_id, status_id)
      select ${accountId}, ${id} where ${isThere(isNear, id)}
      on conflict do nothing returning 1`.execute(tx);
    if (rows.length === 0) return;
    if (isNear) await countFavourite(tx, id, 1);
    await appendToOutbox(tx, accountId, {
      type: "status.favourited",
      statusId: id,
      accountId,
      ...(isNear ? {} : { isFar: true as const }),
    });
  });
  await settleNow(context.database, [{ kind: "favourite", statusId: id, sourceId: accountId }]);
  return settle(context, accountId, id);
}

/** Takes a favourite back, of whatever has become of the status; none is fine. */
export async function unfavourite(
  context: StatusesContext,
  accountId: AccountId,
  statusId: StatusId,
): Promise<StatusRecord> {
  const { id, authorId } = await markedStatus(context, statusId);
  const { isNear, db } = placeOf(context, accountId, id);
  const told = [{ accountId: authorId, type: "favourite" as const, fromId: accountId, statusId: id }];
  let hadMark = false;
  await db.transaction().execute(async (tx) => {
    // First: deleting the status takes this lock before it touches favourites and counts.
    if (isNear) await lockTold(tx, told);
    const { rows } = await sql`delete from favourites
      where account_id = ${accountId} and status_id = ${id} returning 1`.execute(tx);
    hadMark = rows.length > 0;
    if (!hadMark) return;
    if (isNear) {
      await countFavourite(tx, id, -1);
      await takeBack(tx, db, context.database, told);
    } else await appendToOutbox(tx, accountId, { type: "status.unfavourited", statusId: id, accountId });
  });
  await settleNow(context.database, [{ kind: "favourite", statusId: id, sourceId: accountId }]);
  if (hadMark && !isNear) await takeBackNow(context.database, told);
  return undone(context, accountId, { askedId: statusId, id, hadMark });
}

export async function bookmark(
  context: StatusesContext,
  accountId: AccountId,
  statusId: StatusId,
): Promise<StatusRecord> {
  const id = await originalId(context, accountId, statusId);
  const { isNear, db } = placeOf(context, accountId, id);
  await sql`insert into bookmarks (account_id, status_id)
    select ${accountId}, ${id} where ${isThere(isNear, id)} on conflict do nothing`.execute(db);
  return settle(context, accountId, id);
}

export async function unbookmark(
  context: StatusesContext,
  accountId: AccountId,
  statusId: StatusId,
): Promise<StatusRecord> {
  const { id } = await markedStatus(context, statusId);
  const { numDeletedRows } = await placeOf(context, accountId, id)
    .db.deleteFrom("bookmarks")
    .where("account_id", "=", accountId)
    .where("status_id", "=", id)
    .executeTakeFirst();
  return undone(context, accountId, { askedId: statusId, id, hadMark: numDeletedRows > 0n });
}

/** Marks go on the original: nobody favourites a boost. */
async function originalId(context: StatusesContext, accountId: AccountId, id: StatusId): Promise<StatusId> {
  const { facts } = await requireVisible(context, id, accountId);
  return facts.reblogOfId ?? facts.id;
}

/** What a mark is on, whether its owner may still see it or not. */
async function markedStatus(
  { statuses }: StatusesContext,
  askedId: StatusId,
): Promise<{ id: StatusId; authorId: AccountId }> {
  const asked = await statuses.get(askedId);
  const id = asked?.facts.reblogOfId ?? askedId;
  const original = asked && id !== askedId ? await statuses.get(id) : asked;
  if (!original) throw new NotFound();
  return { id, authorId: original.facts.authorId };
}

/** Where the account's marks are, and whether the status is there too. */
function placeOf({ database: { shards } }: StatusesContext, accountId: AccountId, id: StatusId) {
  return { db: shards.of(accountId).db, isNear: shards.areTogether(accountId, id) };
}

/** Deleting waits for the mark, or the mark finds it gone; in another database what is left is cleared later. */
function isThere(isNear: boolean, id: StatusId) {
  return isNear ? sql`exists (select 1 from statuses where id = ${id} for key share)` : sql`true`;
}

async function countFavourite(tx: Db, id: StatusId, by: 1 | -1): Promise<void> {
  await sql`insert into status_counts (status_id, favourites_count) values (${id}, greatest(0, ${by}::int))
    on conflict (status_id) do update set
      favourites_count = greatest(0, status_counts.favourites_count + ${by}::int)`.execute(tx);
}

async function settle(context: StatusesContext, accountId: AccountId, id: StatusId): Promise<StatusRecord> {
  await tellOfMark(context, accountId, id);
  return requireVisible(context, id, accountId);
}

async function undone(
  context: StatusesContext,
  accountId: AccountId,
  { askedId, id, hadMark }: { askedId: StatusId; id: StatusId; hadMark: boolean },
): Promise<StatusRecord> {
  if (!hadMark) await requireVisible(context, askedId, accountId);
  await tellOfMark(context, accountId, id);
  return hadMark ? visibleOrWithheld(context, id, accountId) : requireVisible(context, id, accountId);
}

async function tellOfMark(context: StatusesContext, accountId: AccountId, id: StatusId): Promise<void> {
  await context.invalidate({ statuses: [id], marks: [accountId] });
  context.wakeEventLog();
}
