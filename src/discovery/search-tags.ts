/** Finding hashtags by their beginning, and how they were used of late. */
import { sql } from "kysely";
import { foldLatin } from "../core/fold.ts";
import { ID_EPOCH_MS, idAtMs } from "../core/ids.ts";
import type { Database, StaleSource } from "../engines/database/pools.ts";
import { escapeLike } from "./search-accounts.ts";

export interface FoundTag {
  /** Its folded form, by which tags are told apart. */
  readonly tag: string;
  /** As it was written last. */
  readonly name: string;
}

/** Uses of all tags that are counted, the newest: what nobody counts every time is how often a tag was ever used. */
const USES_COUNTED = 5_000;
/** Tags that only posts for some use are found by nobody; so many more are looked at. */
const SPARE = 20;

/** Those that begin so: the very tag first, then the most used of late. */
export async function searchTags(
  { database: { shards }, reading }: StaleSource,
  query: string,
  { limit, offset }: { limit: number; offset: number },
): Promise<FoundTag[]> {
  const text = foldLatin(query.replaceAll("\0", "").trim()).replace(/^#/, "");
  if (text === "" || /\s/.test(text)) return [];
  const most = offset + limit;
  const beginning = `${escapeLike(text)}%`;
  // `every` goes from one tag to the next in the index, however often each was used.
  const statement = sql<FoundTag & { uses: number }>`
    with recursive recent as materialized (
      select tag from status_tags order by status_id desc limit ${USES_COUNTED}),
    used as (select tag, count(*)::int as uses from recent where tag like ${beginning} group by tag),
    every as (
      (select tag, 1 as place from status_tags where tag like ${beginning} order by tag using ~<~ limit 1)
      union all
      select (select tag from status_tags t where t.tag ~>~ every.tag and t.tag like ${beginning}
        order by t.tag using ~<~ limit 1), place + 1
      from every where every.tag is not null and place < ${most + SPARE}),
    ranked as (
      select tag, coalesce(uses, 0) as uses
      from (select tag from used union select tag from every where tag is not null) found left join used using (tag)
      order by tag = ${text} desc, coalesce(uses, 0) desc, tag collate "C" limit ${most + SPARE})
    select tag, uses, (select name from status_tags t where t.tag = r.tag order by status_id desc limit 1) as name
    from ranked r
    where exists (select 1 from status_tags t join statuses s on s.id = t.status_id where t.tag = r.tag and s.visibility = 0)
    order by tag = ${text} desc, uses desc, tag collate "C" limit ${most}`;
  const ask = (database: Database) =>
    database.readStale(reading, async (db) => (await statement.execute(db)).rows);
  const found = await shards.gather(ask);
  const rank = ({ tag, uses }: { tag: string; uses: number }) =>
    tag === text ? Number.POSITIVE_INFINITY : uses;
  return [...Map.groupBy(found, ({ tag }) => tag)]
    .map(([tag, rows]) => ({
      tag,
      name: rows[0]?.name ?? tag,
      uses: rows.reduce((sum, { uses }) => sum + uses, 0),
    }))
    .sort((a, b) => (rank(a) === rank(b) ? (a.tag < b.tag ? -1 : 1) : rank(b) - rank(a)))
    .slice(offset, most);
}

export interface TagDay {
  readonly startMs: number;
  readonly uses: number;
  readonly accounts: number;
}

const DAY_MS = 86_400_000;
const DAYS = 7;

/** How public posts used the tags in the last seven days, each in UTC, today first. */
export async function tagHistories(
  { database: { shards }, reading }: StaleSource,
  tags: readonly string[],
  nowMs: number,
): Promise<ReadonlyMap<string, TagDay[]>> {
  const today = Math.floor(nowMs / DAY_MS);
  if (tags.length === 0) return new Map();
  const statement = sql<{ tag: string; day: number; uses: number; accounts: number }>`
    select t.tag, (((t.status_id >> 22) + ${ID_EPOCH_MS}::bigint) / ${DAY_MS}::bigint)::int as day,
      count(*)::int as uses, count(distinct s.author_id)::int as accounts
    from status_tags t join statuses s on s.id = t.status_id
    where t.tag = any(${[...tags]}::text[]) and t.status_id >= ${idAtMs((today - DAYS + 1) * DAY_MS)}
      and s.visibility = 0
    group by 1, 2`;
  // What an account has posted lies together, so none is counted by two databases.
  const rows = await shards.gather(async (database) =>
    database.readStale(reading, async (db) => (await statement.execute(db)).rows),
  );
  const days = Array.from({ length: DAYS }, (_, n) => today - n);
  const sum = (own: readonly (typeof rows)[number][], what: "uses" | "accounts") =>
    own.reduce((total, row) => total + row[what], 0);
  return new Map(
    tags.map((tag) => {
      const of = days.map((day) => {
        const own = rows.filter((row) => row.tag === tag && row.day === day);
        return { startMs: day * DAY_MS, uses: sum(own, "uses"), accounts: sum(own, "accounts") };
      });
      return [tag, of];
    }),
  );
}
