/**
 * Following. Every change of the relation between two accounts takes a lock on the pair, so that a follow can't slip
 * past a block that commits at the same moment, nor a request be authorised twice.
 */
import { sql } from "kysely";
import { lockPair, type Told, takeBack, takeBackNow, toldOfFollow } from "../accounts/told.ts";
import { Forbidden, Invalid, NotFound } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import { appendToOutbox } from "../engines/event-log/outbox.ts";
import type { RelationsContext } from "./context.ts";
import { bumpEpoch } from "./epoch.ts";

export interface FollowOptions {
  /** Undefined leaves it as it is; true for a new follow. */
  readonly showReblogs?: boolean | undefined;
  readonly notify?: boolean | undefined;
}

type Outcome =
  | { kind: "followed"; epoch: { from: bigint; to: bigint } }
  | { kind: "requested" }
  | { kind: "widened" }
  | { kind: "changed" };

/** Follows, asks to follow a locked account, or changes the options of a follow there is. */
export async function follow(
  context: RelationsContext,
  viewerId: AccountId,
  targetId: AccountId,
  options: FollowOptions = {},
): Promise<void> {
  if (viewerId === targetId) throw new Invalid("You can't follow yourself");
  const outcome = await context.db.transaction().execute(async (tx): Promise<Outcome> => {
    await lockPair(tx, viewerId, targetId);
    const target = await requireActive(tx, targetId);
    if (await isBlocked(tx, viewerId, targetId)) throw new Forbidden("This action is not allowed");
    const existing = await changeOptions(tx, viewerId, targetId, options);
    if (existing) return existing;
    if (target.locked) return request(tx, viewerId, targetId, options);
    return { kind: "followed", epoch: await insertFollow(tx, viewerId, targetId, options) };
  });
  await settle(context, viewerId, targetId, outcome);
}

/** Unfollows, or takes back the request. Nothing to do is fine, and so is whatever became of the other account. */
export async function unfollow(
  context: RelationsContext,
  viewerId: AccountId,
  targetId: AccountId,
): Promise<void> {
  await ending(context, async (tx) => {
    await lockPair(tx, viewerId, targetId);
    return endFollow(context, tx, viewerId, targetId);
  });
  await context.invalidate({ relations: [viewerId], accounts: [viewerId, targetId] });
}

export async function authorizeRequest(
  context: RelationsContext,
  targetId: AccountId,
  requesterId: AccountId,
): Promise<void> {
  let epoch = { from: 0n, to: 0n };
  await ending(context, async (tx) => {
    await lockPair(tx, requesterId, targetId);
    const request = await requireRequest(tx, requesterId, targetId);
    // Told of as a request until now, and as a follow from now on.
    const told = await takeFollowBack(context, tx, requesterId, targetId);
    epoch = await insertFollow(tx, requesterId, targetId, {
      showReblogs: request.show_reblogs,
      notify: request.notify,
    });
    return told;
  });
  await settle(context, requesterId, targetId, { kind: "followed", epoch });
}

export async function rejectRequest(
  context: RelationsContext,
  targetId: AccountId,
  requesterId: AccountId,
): Promise<void> {
  await ending(context, async (tx) => {
    await lockPair(tx, requesterId, targetId);
    await requireRequest(tx, requesterId, targetId);
    return takeFollowBack(context, tx, requesterId, targetId);
  });
  await context.tellWrite(targetId, "directory");
}

/** Makes every request of an account that is no longer locked a follow. */
export async function authorizeAllRequests(context: RelationsContext, targetId: AccountId): Promise<void> {
  const { rows } = await sql<{ requester_id: bigint }>`
    select requester_id from follow_requests where target_id = ${targetId} order by id`.execute(context.db);
  for (const { requester_id } of rows) {
    await authorizeRequest(context, targetId, requester_id).catch((error: unknown) => {
      // Taken back in the meantime.
      if (!(error instanceof NotFound)) throw error;
    });
  }
}

/** After the commit, before the answer: caches forget, and the home timeline takes in what the follow adds. */
async function settle(
  context: RelationsContext,
  viewerId: AccountId,
  targetId: AccountId,
  outcome: Outcome,
): Promise<void> {
  await context.invalidate({ relations: [viewerId], accounts: [viewerId, targetId] });
  if (outcome.kind === "followed") await context.repair.followed(viewerId, targetId, outcome.epoch);
  if (outcome.kind === "widened") await context.repair.widened(viewerId);
  if (outcome.kind !== "changed") context.wakeEventLog();
}

/** Until the end of the transaction, it is neither suspended nor unlocked: whoever does that finds a new request. */
export async function requireActive(tx: Db, id: AccountId): Promise<{ locked: boolean }> {
  const account = await tx
    .selectFrom("accounts")
    .select(["locked", "suspended_at"])
    .where("id", "=", id)
    .forShare()
    .executeTakeFirst();
  if (!account || account.suspended_at) throw new NotFound();
  return account;
}

async function isBlocked(tx: Db, a: AccountId, b: AccountId): Promise<boolean> {
  const { rows } = await sql`select 1 from blocks
    where (account_id = ${a} and target_id = ${b}) or (account_id = ${b} and target_id = ${a})`.execute(tx);
  return rows.length > 0;
}

/** Null when there is no follow and no request yet. */
async function changeOptions(
  tx: Db,
  viewerId: AccountId,
  targetId: AccountId,
  options: FollowOptions,
): Promise<Outcome | null> {
  const { rows } = await sql<{ before: boolean; after: boolean }>`
    with existing as (
      select * from follows where follower_id = ${viewerId} and followee_id = ${targetId} for update)
    update follows f set
      show_reblogs = coalesce(${options.showReblogs ?? null}, f.show_reblogs),
      notify = coalesce(${options.notify ?? null}, f.notify)
    from existing e where f.follower_id = e.follower_id and f.followee_id = e.followee_id
    returning e.show_reblogs as before, f.show_reblogs as after`.execute(tx);
  const changed = rows[0];
  if (!changed) return null;
  if (changed.before || !changed.after) return { kind: "changed" };
  await bumpEpoch(tx, viewerId);
  return { kind: "widened" };
}

async function request(
  tx: Db,
  viewerId: AccountId,
  targetId: AccountId,
  options: FollowOptions,
): Promise<Outcome> {
  const { rows } = await sql<{ created: boolean }>`
    insert into follow_requests (requester_id, target_id, show_reblogs, notify)
    values (${viewerId}, ${targetId}, ${options.showReblogs ?? true}, ${options.notify ?? false})
    on conflict (requester_id, target_id) do update set
      show_reblogs = coalesce(${options.showReblogs ?? null}, follow_requests.show_reblogs),
      notify = coalesce(${options.notify ?? null}, follow_requests.notify)
    returning (xmax = 0) as created`.execute(tx);
  if (!rows[0]?.created) return { kind: "changed" };
  await appendToOutbox(tx, targetId, { type: "account.follow-requested", accountId: viewerId, targetId });
  return { kind: "requested" };
}

/** Ends it. Throws NotFound when there is none. */
async function requireRequest(tx: Db, requesterId: AccountId, targetId: AccountId): Promise<RequestRow> {
  const request = await deleteRequest(tx, requesterId, targetId);
  if (!request) throw new NotFound();
  return request;
}

interface RequestRow {
  readonly show_reblogs: boolean;
  readonly notify: boolean;
}

async function deleteRequest(
  tx: Db,
  requesterId: AccountId,
  targetId: AccountId,
): Promise<RequestRow | undefined> {
  const { rows } = await sql<RequestRow>`
    delete from follow_requests where requester_id = ${requesterId} and target_id = ${targetId}
    returning show_reblogs, notify`.execute(tx);
  return rows[0];
}

/** Runs what ends follows and requests; what was told of them elsewhere is taken back after the commit. */
export async function ending(
  context: RelationsContext,
  work: (tx: Db) => Promise<readonly Told[]>,
): Promise<void> {
  const elsewhere = await context.db.transaction().execute(work);
  if (elsewhere.length === 0) return;
  await takeBackNow(context, elsewhere);
  context.wakeEventLog();
}

/** Ends the follow or the request, if there is one. Resolves to what was told of it elsewhere; see `ending`. */
export async function endFollow(
  context: RelationsContext,
  tx: Db,
  followerId: AccountId,
  followeeId: AccountId,
): Promise<readonly Told[]> {
  const wasFollow = await deleteFollow(tx, followerId, followeeId);
  const wasRequest = (await deleteRequest(tx, followerId, followeeId)) !== undefined;
  return wasFollow || wasRequest ? takeFollowBack(context, tx, followerId, followeeId) : [];
}

/** What was told of a follow or a request that has just ended. */
async function takeFollowBack(
  context: RelationsContext,
  tx: Db,
  accountId: AccountId,
  targetId: AccountId,
): Promise<readonly Told[]> {
  const elsewhere = await takeBack(tx, context.db, context, toldOfFollow(accountId, targetId));
  if (elsewhere.length > 0)
    await appendToOutbox(tx, targetId, { type: "account.unfollowed", accountId, targetId });
  return elsewhere;
}

async function insertFollow(
  tx: Db,
  viewerId: AccountId,
  targetId: AccountId,
  options: FollowOptions,
): Promise<{ from: bigint; to: bigint }> {
  await tx
    .insertInto("follows")
    .values({
      follower_id: viewerId,
      followee_id: targetId,
      show_reblogs: options.showReblogs ?? true,
      notify: options.notify ?? false,
    })
    .execute();
  await countFollow(tx, viewerId, targetId, 1);
  await appendToOutbox(tx, targetId, { type: "account.followed", accountId: viewerId, targetId });
  return bumpEpoch(tx, viewerId);
}

/** True when there was a follow. */
async function deleteFollow(tx: Db, followerId: AccountId, followeeId: AccountId): Promise<boolean> {
  const { rows } = await sql`delete from follows
    where follower_id = ${followerId} and followee_id = ${followeeId} returning 1`.execute(tx);
  if (rows.length === 0) return false;
  await countFollow(tx, followerId, followeeId, -1);
  await sql`delete from list_members lm using lists l
    where lm.list_id = l.id and l.account_id = ${followerId} and lm.member_id = ${followeeId}`.execute(tx);
  return true;
}

async function countFollow(tx: Db, followerId: AccountId, followeeId: AccountId, by: 1 | -1): Promise<void> {
  // Both rows are locked in order of id first: follows in a ring would otherwise wait for each other.
  await sql`insert into follow_counts (account_id) values (${followerId}), (${followeeId})
    on conflict do nothing`.execute(tx);
  await sql`select 1 from follow_counts where account_id in (${followerId}, ${followeeId})
    order by account_id for update`.execute(tx);
  await sql`update follow_counts set
      following_count = following_count + case when account_id = ${followerId} then ${by}::int else 0 end,
      followers_count = followers_count + case when account_id = ${followeeId} then ${by}::int else 0 end
    where account_id in (${followerId}, ${followeeId})`.execute(tx);
}
