/** Browser sessions of the sign-in pages. The cookie holds a random id; only its hash is stored. */
import { sql } from "kysely";
import { Forbidden } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import { hashSecret, mayEnter, newSecret, SUSPENDED } from "./tokens.ts";

export interface WebSession {
  /** Null until somebody signed in. */
  readonly accountId: AccountId | null;
  /** What the session's forms must carry. */
  readonly csrfToken: string;
}

export const SESSION_DAYS = 30;

export async function createSession(
  db: Db,
  accountId: AccountId | null,
): Promise<{ id: string; session: WebSession }> {
  const id = newSecret();
  const csrfToken = newSecret();
  const { rows } = await sql`insert into web_sessions (id_hash, account_id, data, expires_at)
    select ${hashSecret(id)}, ${accountId}::bigint, ${JSON.stringify({ csrfToken })}::jsonb,
      now() + ${accountId === null ? 1 : SESSION_DAYS} * interval '1 day'
    where ${mayEnter(accountId)} returning 1`.execute(db);
  if (rows.length === 0) throw new Forbidden(SUSPENDED);
  return { id, session: { accountId, csrfToken } };
}

export async function findSession(db: Db, id: string): Promise<WebSession | null> {
  const { rows } = await sql<{ account_id: AccountId | null; data: { csrfToken: string } }>`
    select s.account_id, s.data from web_sessions s left join accounts a on a.id = s.account_id
    where s.id_hash = ${hashSecret(id)} and s.expires_at > now() and a.suspended_at is null`.execute(db);
  const row = rows[0];
  return row ? { accountId: row.account_id, csrfToken: row.data.csrfToken } : null;
}

export async function endSession(db: Db, id: string): Promise<void> {
  await db.deleteFrom("web_sessions").where("id_hash", "=", hashSecret(id)).execute();
}

/** Sessions and codes whose time is over. */
export async function deleteExpired({ db, shards }: Database): Promise<void> {
  await sql`delete from web_sessions where expires_at < now()`.execute(db);
  await sql`delete from oauth_codes where expires_at < now() - interval '1 day'`.execute(db);
  await shards.gather(async (shard) => {
    await sql`delete from idempotency_keys where created_at < now() - interval '1 hour'`.execute(shard.db);
    return [];
  });
}
