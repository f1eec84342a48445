/** Finding accounts, posts and hashtags by what people type. */
import { sql } from "kysely";
import { type AccountId, descending, type StatusId } from "../core/ids.ts";
import type { Database, StaleSource } from "../engines/database/pools.ts";
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

export interface AccountSearch {
  readonly limit: number;
  readonly offset: number;
  /** Only accounts that this one follows. */
  readonly followedBy: AccountId | null;
  readonly ownHost: string;
}

/** By the start of the name or display name, the most followed first; the exact name before all. */
export async function searchAccounts(
  { database, reading }: StaleSource,
  query: string,
  options: AccountSearch,
): Promise<AccountId[]> {
  const text = query.trim().replace(/^@/, "").replaceAll("\0", "");
  const [name = "", host] = text.split("@");
  if (
    name === "" ||
    (host !== undefined && host !== "" && host.toLowerCase() !== options.ownHost.toLowerCase())
  )
    return [];
  const prefix = `${escapeLike(name.toLowerCase())}%`;
  const followed =
    options.followedBy === null
      ? sql`true`
      : sql`exists (select 1 from follows f where f.follower_id = ${options.followedBy} and f.followee_id = a.id)`;
  const statement = sql<{ id: AccountId }>`
    select a.id from accounts a left join follow_counts c on c.account_id = a.id
    where a.suspended_at is null and (lower(a.username) like ${prefix} or lower(a.display_name) like ${prefix})
      and ${followed}
    order by lower(a.username) = ${name.toLowerCase()} desc, coalesce(c.followers_count, 0) desc, a.id
    limit ${options.limit} offset ${Math.max(0, options.offset)}`;
  const { rows } = await database.readStale(reading, (db) => statement.execute(db));
  return rows.map((row) => row.id);
}

/** Hashtags that start so, the most used of late first. Of several databases, each gives its own most used. */
export async function searchTags(
  { database: { shards }, reading }: StaleSource,
  query: string,
  limit: number,
): Promise<string[]> {
  const text = query.trim().replace(/^#/, "").toLowerCase().replaceAll("\0", "");
  if (text === "") return [];
  const statement = sql<{ tag: string; name: string; uses: number }>`
    select tag, min(name) as name, count(*)::int as uses from status_tags where tag like ${`${escapeLike(text)}%`}
    group by tag order by tag = ${text} desc, count(*) desc, tag limit ${limit}`;
  const found = await shards.gather(
    async (database) => (await database.readStale(reading, (db) => statement.execute(db))).rows,
  );
  if (shards.isOne) return found.map((row) => row.name);
  const tags = [...Map.groupBy(found, (row) => row.tag)].map(([tag, rows]) => ({
    rank: tag === text ? Number.POSITIVE_INFINITY : rows.reduce((uses, row) => uses + row.uses, 0),
    name: rows[0]?.name ?? tag,
  }));
  return tags
    .sort((a, b) => (a.rank === b.rank ? (a.name < b.name ? -1 : 1) : b.rank - a.rank))
    .slice(0, limit)
    .map(({ name }) => name);
}

const SEARCHED_STATUSES = 20_000;

/**
 * Public posts of late that contain the words. A plain look through the newest ones: honest for a small server, and
 * bounded for a large one.
 */
export async function searchStatuses(
  { database: { shards }, reading }: StaleSource,
  query: string,
  options: { limit: number; authorId: AccountId | null },
): Promise<StatusId[]> {
  const words = query
    .trim()
    .replaceAll("\0", "")
    .split(/\s+/)
    .filter((word) => word !== "")
    .slice(0, 8);
  if (words.length === 0) return [];
  const patterns = words.map((word) => `%${escapeLike(word)}%`);
  const { authorId, limit } = options;
  const author = authorId === null ? sql`true` : sql`author_id = ${authorId}`;
  const statement = sql<{ id: StatusId }>`
    select id from (
      select id, text from statuses where visibility = 0 and reblog_of_id is null and ${author}
      order by id desc limit ${SEARCHED_STATUSES}) s
    where text ilike all(${patterns}::text[]) order by id desc limit ${limit}`;
  const ask = async (database: Database) =>
    (await database.readStale(reading, (db) => statement.execute(db))).rows;
  const rows = authorId === null ? await shards.gather(ask) : await ask(shards.of(authorId));
  return [...new Set(rows.map((row) => row.id))].sort(descending).slice(0, limit);
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

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}
