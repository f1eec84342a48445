/**
 * Finding posts, newest first, in the words of `status_words`. Frequent words are found among the newest posts, at
 * which each search looks first, one by one; what those don't have enough of is rare enough for the index. Posts that
 * have no words there yet, the newest and the edited, are read themselves.
 */
import { type RawBuilder, sql } from "kysely";
import { type AccountId, descending, type StatusId } from "../core/ids.ts";
import type { Database, Db, StaleSource } from "../engines/database/pools.ts";
import { findAccountId } from "./search.ts";
import { type SearchedStatus, searchedStatuses, wordsOfStatus } from "./searched-statuses.ts";
import {
  common,
  conditionText,
  type IdRange,
  MARKS,
  meets,
  type StatusCondition,
  type StatusQuery,
} from "./status-query.ts";

export interface StatusSearch {
  readonly condition: StatusCondition;
  readonly range: IdRange;
  /** The only author that can have written it; null: anybody. */
  readonly authorId: AccountId | null;
}

/** With handles looked up. Null: nothing can be found. */
export async function statusSearchOf(
  source: StaleSource,
  query: StatusQuery,
  { viewerId, authorId, ownHost }: { viewerId: AccountId; authorId: AccountId | null; ownHost: string },
): Promise<StatusSearch | null> {
  const authors = authorId === null ? [] : [{ id: authorId, isNegated: false }];
  for (const { name, isNegated } of query.from) {
    const id = name === "me" ? viewerId : await findAccountId(source, name, ownHost);
    if (id !== null) authors.push({ id, isNegated });
    else if (!isNegated) return null;
  }
  const marks = authors.map(({ id, isNegated }) => ({ mark: MARKS.from(id), isNegated }));
  return {
    condition: { phrases: query.phrases, marks: [...query.marks, ...marks], viewerId },
    range: query.range,
    authorId: authors.find(({ isNegated }) => !isNegated)?.id ?? null,
  };
}

export interface StatusPage {
  /** The page next to the range's end, `newest` first, or next to its beginning. */
  readonly edge: "newest" | "oldest";
  readonly range: IdRange;
  readonly limit: number;
}

/** Ids from that edge on. Whether the viewer may see each post is for the caller to decide. */
export async function searchStatuses(
  { database: { shards }, reading }: StaleSource,
  { condition, range, authorId }: StatusSearch,
  page: StatusPage,
): Promise<StatusId[]> {
  const within = { ...page, range: common(range, page.range) };
  const ask = (database: Database) => database.readStale(reading, (db) => searchOne(db, condition, within));
  const ids = authorId === null ? await shards.gather(ask) : await ask(shards.of(authorId));
  return inOrder(ids, page);
}

function inOrder(ids: readonly StatusId[], { edge, limit }: StatusPage): StatusId[] {
  const sorted = [...new Set(ids)].sort(descending);
  return (edge === "newest" ? sorted : sorted.reverse()).slice(0, limit);
}

/** How many of the newest posts each search looks at one by one. */
const LOOKED_AT = 4_000;

async function searchOne(db: Db, condition: StatusCondition, page: StatusPage): Promise<StatusId[]> {
  const { range, limit, edge } = page;
  if (range.from >= range.below) return [];
  const { end, unfilled } = await beginning(db, page);
  const read = unfilled.filter((status) => meets(wordsOfStatus(status), condition)).map(({ id }) => id);
  const text = conditionText(condition);
  const near = end === null ? range : edge === "newest" ? { ...range, from: end } : { ...range, below: end };
  const found = await walked(db, text, { ...page, range: near });
  if (end === null || found.length >= limit) return inOrder([...read, ...found], page);
  const far = edge === "newest" ? { ...range, below: end } : { ...range, from: end };
  return inOrder([...read, ...found, ...(await indexed(db, text, { ...page, range: far }))], page);
}

async function walked(db: Db, text: string, { range, edge, limit }: StatusPage): Promise<StatusId[]> {
  const { rows } = await sql<{ id: StatusId }>`
    select status_id as id from status_words
    where words @@ ${text}::tsquery and status_id >= ${range.from} and status_id < ${range.below}
    order by status_id ${direction(edge)} limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}

/** The filter comes first, whatever the planner expects of walking along the ids. */
async function indexed(db: Db, text: string, { range, edge, limit }: StatusPage): Promise<StatusId[]> {
  const { rows } = await sql<{ id: StatusId }>`
    with found as materialized (
      select status_id as id from status_words
      where words @@ ${text}::tsquery and status_id >= ${range.from} and status_id < ${range.below})
    select id from found order by id ${direction(edge)} limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}

const direction = (edge: StatusPage["edge"]) => sql.raw(edge === "newest" ? "desc" : "asc");

/** Posts whose words are missing are read up to this number on each side of those that have them. */
const UNFILLED_READ = 5_000;
/** A post may be committed so much later than its id says; in ids. */
export const LATE_IDS = 120_000n << 22n;

/** What has no words yet, and where the posts that are looked at one by one end; null: with the range. */
async function beginning(
  db: Db,
  { range, edge }: StatusPage,
): Promise<{ end: StatusId | null; unfilled: SearchedStatus[] }> {
  const order = direction(edge);
  const inRange = (id: string) => sql`${sql.ref(id)} >= ${range.from} and ${sql.ref(id)} < ${range.below}`;
  const side = (where: RawBuilder<unknown>) => sql`
    select id from (
      select id from statuses where ${inRange("id")} and ${where} order by id ${order} limit ${UNFILLED_READ}) side
    where not exists (select 1 from status_words where status_id = side.id and words is not null)`;
  const ids = sql`
    ${side(sql`id > coalesce((select filled_to from search_progress), 0) - ${LATE_IDS}`)}
    union ${side(sql`id <= (select filled_from from search_progress)`)}
    union (select status_id from status_words
      where words is null and ${inRange("status_id")} order by status_id ${order} limit ${UNFILLED_READ})`;
  const unfilled = await sql<SearchedStatus>`
    ${searchedStatuses(ids)} where s.reblog_of_id is null`.execute(db);
  const end = await sql<{ id: StatusId }>`
    select status_id as id from status_words where ${inRange("status_id")}
    order by status_id ${order} offset ${LOOKED_AT} limit 1`.execute(db);
  return { end: end.rows[0]?.id ?? null, unfilled: unfilled.rows };
}
