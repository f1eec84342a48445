/** Finding an account by its name, and accounts to follow. */
import { sql } from "kysely";
import type { AccountId } from "../core/ids.ts";
import type { StaleSource } from "../engines/database/pools.ts";
import { byItself } from "../engines/database/shards.ts";

/**
 * The account that "name", "@name" or "@name@host" means here. A name stays with its account, so what a replica finds
 * is true; what it doesn't find may be new.
 */
export async function findAccountId(
  { database, reading }: StaleSource,
  acct: string,
  ownHost: string,
): Promise<AccountId | null> {
  const match = /^@?([^@\s]+)(?:@(\S+))?$/.exec(acct.trim());
  if (!match?.[1] || (match[2] !== undefined && match[2].toLowerCase() !== ownHost.toLowerCase()))
    return null;
  if (match[1].includes("\0")) return null;
  const named = sql<{ id: AccountId }>`
    select id from accounts where lower(username) = ${match[1].toLowerCase()}`;
  const { rows } = await database.readStale(reading, (db) => named.execute(db));
  if (rows[0]) return rows[0].id;
  if (reading.staleMs === 0) return null;
  return (await named.execute(database.db)).rows[0]?.id ?? null;
}

/** Accounts to follow: well followed, active of late, and not followed, blocked or muted yet. */
export async function suggestedAccounts(
  { database, reading }: StaleSource,
  viewerId: AccountId | null,
  limit: number,
): Promise<AccountId[]> {
  const { shards } = database;
  const viewer = viewerId ?? 0n;
  const posts = sql`exists (select 1 from author_counts s where s.account_id = a.id and s.statuses_count > 0)`;
  const found: AccountId[] = [];
  for (let offset = 0; ; offset += limit) {
    const statement = sql<{ id: AccountId }>`
      select a.id from follow_counts c join accounts a on a.id = c.account_id
      where a.suspended_at is null and a.discoverable and a.id <> ${viewer} and ${shards.isOne ? posts : sql`true`}
        and not exists (select 1 from follows where follower_id = ${viewer} and followee_id = a.id)
        and not exists (select 1 from follow_requests where requester_id = ${viewer} and target_id = a.id)
        and not exists (select 1 from blocks where account_id = ${viewer} and target_id = a.id)
        and not exists (select 1 from blocks where account_id = a.id and target_id = ${viewer})
        and not exists (select 1 from mutes where account_id = ${viewer} and target_id = a.id
          and (expires_at is null or expires_at > now()))
      order by c.followers_count desc, a.id limit ${limit} offset ${offset}`;
    const { rows } = await database.readStale(reading, (db) => statement.execute(db));
    const ids = rows.map((row) => row.id);
    if (shards.isOne) return ids;
    const posting = await postingOf({ database, reading }, ids);
    found.push(...ids.filter((id) => posting.has(id)));
    if (found.length >= limit || ids.length < limit || offset >= SUGGESTED_LOOKED_AT)
      return found.slice(0, limit);
  }
}

const SUGGESTED_LOOKED_AT = 400;

/** Of these accounts, those that have posted. */
async function postingOf(
  { database: { shards }, reading }: StaleSource,
  ids: readonly AccountId[],
): Promise<ReadonlySet<AccountId>> {
  const rows = await shards.gatherBy(ids, byItself, async (database, own) => {
    const statement = sql<{ account_id: AccountId }>`
      select account_id from author_counts
      where account_id = any(${[...own]}::bigint[]) and statuses_count > 0`;
    return (await database.readStale(reading, (db) => statement.execute(db))).rows;
  });
  return new Set(rows.map((row) => row.account_id));
}
