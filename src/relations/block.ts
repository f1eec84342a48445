import { sql } from "kysely";
import { Invalid } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import type { RelationsContext } from "./context.ts";
import { deleteFollow, forgetTold, lockPair, requireActive } from "./follow.ts";

/** Blocks: both follows and requests between the two end with it. */
export async function block(
  context: RelationsContext,
  viewerId: AccountId,
  targetId: AccountId,
): Promise<void> {
  if (viewerId === targetId) throw new Invalid("You can't block yourself");
  await context.db.transaction().execute(async (tx) => {
    await lockPair(tx, viewerId, targetId);
    await requireActive(tx, targetId);
    await tx
      .insertInto("blocks")
      .values({ account_id: viewerId, target_id: targetId })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await deleteFollow(tx, viewerId, targetId);
    await deleteFollow(tx, targetId, viewerId);
    await sql`delete from follow_requests where (requester_id = ${viewerId} and target_id = ${targetId})
      or (requester_id = ${targetId} and target_id = ${viewerId})`.execute(tx);
    await forgetTold(context, tx, viewerId, targetId, null);
  });
  await forgetTold(context, null, viewerId, targetId, null);
  await context.invalidate({ relations: [viewerId, targetId], accounts: [viewerId, targetId] });
}

/**
 * Unblocks. Boosts of the other account's posts by accounts one follows come back: they stayed in the stored timeline,
 * since blocks are looked at when reading.
 */
export async function unblock(
  context: RelationsContext,
  viewerId: AccountId,
  targetId: AccountId,
): Promise<void> {
  await context.db
    .deleteFrom("blocks")
    .where("account_id", "=", viewerId)
    .where("target_id", "=", targetId)
    .execute();
  await context.invalidate({ relations: [viewerId, targetId] });
}

/** Makes `followerId` stop following the viewer, without a block. */
export async function removeFollower(
  context: RelationsContext,
  viewerId: AccountId,
  followerId: AccountId,
): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    await lockPair(tx, viewerId, followerId);
    await deleteFollow(tx, followerId, viewerId);
  });
  await context.invalidate({ relations: [followerId], accounts: [viewerId, followerId] });
}
