/**
 * Finding accounts by any words of handle and display name. Each query looks at a bounded number of accounts, however
 * many there are: with the first letter typed, very many match.
 */
import { type RawBuilder, sql } from "kysely";
import { foldForSearch } from "../core/fold.ts";
import type { AccountId } from "../core/ids.ts";
import type { Db, StaleSource } from "../engines/database/pools.ts";
import { wordsOfAccount } from "./fill-words.ts";
import type { IdRange } from "./status-query.ts";
import { hasPhrase, type Phrase, phraseOf, phraseText } from "./words.ts";

export interface AccountSearch {
  readonly limit: number;
  readonly offset: number;
  readonly viewerId: AccountId | null;
  /** Only accounts that the viewer follows. */
  readonly isFollowing: boolean;
  readonly range: IdRange;
  readonly ownHost: string;
}

/** All of the rank that is exact: when more match, the newest and the most followed of them are ranked. */
const MATCHES_MOST = 1_000;
const MOST_FOLLOWED = 1_000;
/** Whose words are missing. */
const UNFILLED_READ = 1_000;

/** The exact handle first, then whom the viewer follows, then handles that begin so; the most followed first. */
export async function searchAccounts(
  { database, reading }: StaleSource,
  query: string,
  options: AccountSearch,
): Promise<AccountId[]> {
  const terms = termsOf(query, options.ownHost);
  if (terms.length === 0) return [];
  const phrases = terms.map((term) => phraseOf(term)).filter((phrase) => phrase !== null);
  if (phrases.length === 0) return [];
  // A handle has no spaces.
  const name = terms.length === 1 ? (terms[0] ?? "").toLowerCase() : "";
  return database.readStale(reading, async (db) => {
    const read = await unfilled(db, phrases);
    const { rows } = await accountsQuery(phrases, name, read, options).execute(db);
    return rows.map((row) => row.id);
  });
}

/** Without the @ of handles and our own host; none at all for an account that lies elsewhere. */
function termsOf(query: string, ownHost: string): string[] {
  const terms = query
    .replaceAll("\0", "")
    .split(/\s+/)
    .flatMap((term) => {
      const [, name = "", host = ""] = /^@?([^@]*)(?:@(.*))?$/.exec(term) ?? [];
      if (host !== "" && host.toLowerCase() !== ownHost.toLowerCase()) return [null];
      return name === "" ? [] : [name];
    });
  return terms.includes(null) ? [] : terms.filter((term) => term !== null);
}

async function unfilled(db: Db, phrases: readonly Phrase[]): Promise<AccountId[]> {
  const { rows } = await sql<{ id: AccountId; username: string; display_name: string }>`
    select id, username, display_name from accounts where words is null order by id desc limit ${UNFILLED_READ}`.execute(
    db,
  );
  return rows
    .filter((row) => {
      const words = wordsOfAccount(row);
      return phrases.every((phrase) => hasPhrase(words, phrase));
    })
    .map(({ id }) => id);
}

export function accountsQuery(
  phrases: readonly Phrase[],
  name: string,
  read: readonly AccountId[],
  { viewerId, isFollowing, range, limit, offset }: AccountSearch,
): RawBuilder<{ id: AccountId }> {
  const matches = sql`a.words @@ ${phrases.map(phraseText).join(" & ")}::tsquery`;
  const handle = foldForSearch(name);
  const beginning = `${escapeLike(handle)}%`;
  // Accounts without words, beyond those that were read: by the beginning of a name.
  const beginsSo = sql`(a.words is null and ${handle !== ""}
    and (lower(a.username) like ${beginning} or lower(a.display_name) like ${`${escapeLike(name)}%`}))`;
  const readIds = sql`${[...read]}::bigint[]`;
  const columns = sql`a.id, lower(a.username) as handle`;
  const isAsked = sql`a.suspended_at is null and a.id >= ${range.from} and a.id < ${range.below}`;
  const everybody = sql`
    union select ${columns} from accounts a where lower(a.username) = ${handle} and ${isAsked}
    union select * from matched
    union select * from most_followed
    union select ${columns} from accounts a where a.id = any(${readIds}) and ${isAsked}
    union (select ${columns} from accounts a where ${beginsSo} and ${isAsked} limit ${MATCHES_MOST})`;
  return sql<{ id: AccountId }>`
    with followed as materialized (
      select ${columns} from follows f join accounts a on a.id = f.followee_id
      where f.follower_id = ${viewerId ?? 0n} and ${isAsked} and (${matches} or a.id = any(${readIds}) or ${beginsSo})),
    matched as materialized (
      select ${columns} from accounts a where ${matches} and ${isAsked} and ${!isFollowing}
      order by a.id desc limit ${MATCHES_MOST}),
    most_followed as (
      select ${columns} from (
        select account_id from follow_counts order by followers_count desc, account_id limit ${MOST_FOLLOWED}) c
      join accounts a on a.id = c.account_id
      where (select count(*) from matched) = ${MATCHES_MOST} and ${matches} and ${isAsked}),
    found as (select * from followed ${isFollowing ? sql`` : everybody})
    select found.id from found
    order by handle = ${handle} desc, exists (select 1 from followed where followed.id = found.id) desc,
      ${handle !== ""} and handle like ${beginning} desc,
      coalesce((select followers_count from follow_counts c where c.account_id = found.id), 0) desc, found.id
    limit ${limit} offset ${offset}`;
}

export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}
