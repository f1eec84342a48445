import { sql } from "kysely";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import { appendToOutbox } from "../engines/event-log/outbox.ts";
import { requireVisible } from "./access.ts";
import type { StatusesContext } from "./context.ts";
import { settleNow } from "./reactions.ts";
import type { StatusRecord } from "./records.ts";

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

export async function unfavourite(
  context: StatusesContext,
  accountId: AccountId,
  statusId: StatusId,
): Promise<StatusRecord> {
  const id = await originalId(context, accountId, statusId);
  const { isNear, db } = placeOf(context, accountId, id);
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql`delete from favourites
      where account_id = ${accountId} and status_id = ${id} returning 1`.execute(tx);
    if (rows.length === 0) return;
    if (isNear) await countFavourite(tx, id, -1);
    else await appendToOutbox(tx, accountId, { type: "status.unfavourited", statusId: id, accountId });
  });
  await settleNow(context.database, [{ kind: "favourite", statusId: id, sourceId: accountId }]);
  return settle(context, accountId, id);
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
  const id = await originalId(context, accountId, statusId);
  await placeOf(context, accountId, id)
    .db.deleteFrom("bookmarks")
    .where("account_id", "=", accountId)
    .where("status_id", "=", id)
    .execute();
  return settle(context, accountId, id);
}

/** Marks go on the original: nobody favourites a boost. */
async function originalId(context: StatusesContext, accountId: AccountId, id: StatusId): Promise<StatusId> {
  const { facts } = await requireVisible(context, id, accountId);
  return facts.reblogOfId ?? facts.id;
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
  await context.invalidate({ statuses: [id], marks: [accountId] });
  context.wakeEventLog();
  return requireVisible(context, id, accountId);
}
