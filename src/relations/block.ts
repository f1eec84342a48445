import { sql } from "kysely";
import { lockPair } from "../accounts/told.ts";
import { Invalid } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import type { RelationsContext } from "./context.ts";
import { endFollow, ending, requireActive } from "./follow.ts";

/** Blocks: both follows and requests between the two end with it, and what one was told of the other. */
export async function block(
  context: RelationsContext,
  viewerId: AccountId,
  targetId: AccountId,
): Promise<void> {
  if (viewerId === targetId) throw new Invalid("You can't block yourself");
  const own = context.shards.of(viewerId).db;
  const isNear = own === context.db;
  await ending(context, async (tx) => {
    await lockPair(tx, viewerId, targetId);
    await requireActive(tx, targetId);
    await tx
      .insertInto("blocks")
      .values({ account_id: viewerId, target_id: targetId })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const elsewhere = [
      ...(await endFollow(context, tx, viewerId, targetId)),
      ...(await endFollow(context, tx, targetId, viewerId)),
    ];
    if (isNear) await forgetAllOf(tx, viewerId, targetId);
    return elsewhere;
  });
  if (!isNear) await forgetAllOf(own, viewerId, targetId);
  await context.invalidate({ relations: [viewerId, targetId], accounts: [viewerId, targetId] });
}

/**
 * Unblocks. Boosts of the other account's posts by accounts one follows come back: they stayed in the stored timeline,
 * since blocks are looked at when reading. What was told of that account before the block doesn't, also if it was being
 * stored as the block came.
 */
export async function unblock(
  context: RelationsContext,
  viewerId: AccountId,
  targetId: AccountId,
): Promise<void> {
  const { db, shards } = context;
  const { rows } = await sql`select 1 from blocks
    where account_id = ${viewerId} and target_id = ${targetId}`.execute(db);
  if (rows.length > 0) {
    // First: as long as the block stands nothing more is stored.
    await forgetAllOf(shards.of(viewerId).db, viewerId, targetId);
    await sql`delete from blocks where account_id = ${viewerId} and target_id = ${targetId}`.execute(db);
  }
  await context.invalidate({ relations: [viewerId, targetId] });
}

/** Makes `followerId` stop following the viewer, or asking to, without a block. */
export async function removeFollower(
  context: RelationsContext,
  viewerId: AccountId,
  followerId: AccountId,
): Promise<void> {
  await ending(context, async (tx) => {
    await lockPair(tx, viewerId, followerId);
    return endFollow(context, tx, followerId, viewerId);
  });
  await context.invalidate({ relations: [followerId], accounts: [viewerId, followerId] });
}

async function forgetAllOf(db: Db, accountId: AccountId, fromId: AccountId): Promise<void> {
  await sql`delete from notifications
    where account_id = ${accountId} and from_account_id = ${fromId}`.execute(db);
}
