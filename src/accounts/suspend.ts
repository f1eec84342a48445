import { sql } from "kysely";
import { NotFound } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import { notifyInvalidation } from "../engines/database/invalidation-channel.ts";
import type { Db } from "../engines/database/pools.ts";
import { EVENTS_TOPIC } from "../engines/event-log/outbox.ts";
import { revokeAllTokens } from "./tokens.ts";

/**
 * Suspends: sessions and tokens end, the account and its posts are shown no more. Running servers hear of it with the
 * commit, and close the account's open streams. The account's row comes first: what lets it in is written beside a lock
 * on it (`mayEnter`), and so either finds it suspended or is found here; a request to follow it does the same.
 */
export async function suspendAccount(db: Db, accountId: AccountId): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await setSuspended(tx, accountId, true);
    await revokeAllTokens(tx, accountId);
    await sql`delete from web_sessions where account_id = ${accountId}`.execute(tx);
    await endRequests(tx, accountId);
    await notifyInvalidation(tx, { accounts: [accountId], tokens: [accountId] });
  });
}

export async function unsuspendAccount(db: Db, accountId: AccountId): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await setSuspended(tx, accountId, false);
    await notifyInvalidation(tx, { accounts: [accountId] });
  });
}

async function setSuspended(tx: Db, accountId: AccountId, suspended: boolean): Promise<void> {
  const { rows } = await sql`update accounts
    set suspended_at = ${suspended ? sql`coalesce(suspended_at, now())` : sql`null`}
    where id = ${accountId} returning 1`.execute(tx);
  if (rows.length === 0) throw new NotFound("There is no such account");
}

/** Requests by it and to it, for good. Workers take back what was told of them, wherever that lies. */
async function endRequests(tx: Db, accountId: AccountId): Promise<void> {
  await sql`with ended as (
      delete from follow_requests where requester_id = ${accountId} or target_id = ${accountId}
      returning requester_id, target_id)
    insert into event_log (topic, key, payload)
    select ${EVENTS_TOPIC}, target_id, jsonb_build_object('type', 'account.unfollowed',
      'accountId', requester_id::text, 'targetId', target_id::text) from ended`.execute(tx);
}
