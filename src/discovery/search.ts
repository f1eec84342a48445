/** Finding accounts, posts and hashtags by what people type. */
import { sql } from "kysely";
import type { AccountId, StatusId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";

/** The account that "name", "@name" or "@name@host" means here. */
export async function findAccountId(db: Db, acct: string, ownHost: string): Promise<AccountId | null> {
  const match = /^@?([^@\s]+)(?:@(\S+))?$/.exec(acct.trim());
  if (!match?.[1] || (match[2] !== undefined && match[2].toLowerCase() !== ownHost.toLowerCase()))
    return null;
  if (match[1].includes("\0")) return null;
  const { rows } = await sql<{ id: AccountId }>`
    select id from accounts where lower(username) = ${match[1].toLowerCase()}`.execute(db);
  return rows[0]?.id ?? null;
}

export interface AccountSearch {
  readonly limit: number;
  readonly offset: number;
  /** Only accounts that this one follows. */
  readonly followedBy: AccountId | null;
  readonly ownHost: string;
}

/** By the start of the name or display name, the most followed first; the exact name before all. */
export async function searchAccounts(db: Db, query: string, options: AccountSearch): Promise<AccountId[]> {
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
  const { rows } = await sql<{ id: AccountId }>`
    select a.id from accounts a left join follow_counts c on c.account_id = a.id
    where a.suspended_at is null and (lower(a.username) like ${prefix} or lower(a.display_name) like ${prefix})
      and ${followed}
    order by lower(a.username) = ${name.toLowerCase()} desc, coalesce(c.followers_count, 0) desc, a.id
    limit ${options.limit} offset ${Math.max(0, options.offset)}`.execute(db);
  return rows.map((row) => row.id);
}

/** Hashtags that start so, the most used of late first. */
export async function searchTags(db: Db, query: string, limit: number): Promise<string[]> {
  const text = query.trim().replace(/^#/, "").toLowerCase().replaceAll("\0", "");
  if (text === "") return [];
  const { rows } = await sql<{ name: string }>`
    select min(name) as name from status_tags where tag like ${`${escapeLike(text)}%`}
    group by tag order by tag = ${text} desc, count(*) desc, tag limit ${limit}`.execute(db);
  return rows.map((row) => row.name);
}

const SEARCHED_STATUSES = 20_000;

/**
 * Public posts of late that contain the words. A plain look through the newest ones: honest for a small server, and
 * bounded for a large one.
 */
export async function searchStatuses(
  db: Db,
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
  const author = options.authorId === null ? sql`true` : sql`author_id = ${options.authorId}`;
  const { rows } = await sql<{ id: StatusId }>`
    select id from (
      select id, text from statuses where visibility = 0 and reblog_of_id is null and ${author}
      order by id desc limit ${SEARCHED_STATUSES}) s
    where text ilike all(${patterns}::text[]) order by id desc limit ${options.limit}`.execute(db);
  return rows.map((row) => row.id);
}

/** Accounts to follow: well followed, active of late, and not followed, blocked or muted yet. */
export async function suggestedAccounts(
  db: Db,
  viewerId: AccountId | null,
  limit: number,
): Promise<AccountId[]> {
  const viewer = viewerId ?? 0n;
  const { rows } = await sql<{ id: AccountId }>`
    select a.id from follow_counts c join accounts a on a.id = c.account_id
      join author_counts s on s.account_id = a.id
    where a.suspended_at is null and a.discoverable and a.id <> ${viewer} and s.statuses_count > 0
      and not exists (select 1 from follows where follower_id = ${viewer} and followee_id = a.id)
      and not exists (select 1 from follow_requests where requester_id = ${viewer} and target_id = a.id)
      and not exists (select 1 from blocks where account_id = ${viewer} and target_id = a.id)
      and not exists (select 1 from blocks where account_id = a.id and target_id = ${viewer})
      and not exists (select 1 from mutes where account_id = ${viewer} and target_id = a.id)
    order by c.followers_count desc, a.id limit ${limit}`.execute(db);
  return rows.map((row) => row.id);
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}
