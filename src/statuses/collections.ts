/** Lists of statuses and of accounts around statuses: an author's, favourites, bookmarks, who boosted. */
import { type RawBuilder, sql } from "kysely";
import { type AccountId, descending, type StatusId } from "../core/ids.ts";
import type { Page } from "../core/page.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import type { StaleReading } from "../engines/database/replica-router.ts";
import { byItself } from "../engines/database/shards.ts";
import { type AccessContext, onlyVisible } from "./access.ts";
import { REACTION_CODES, remoteSources } from "./reactions.ts";
import type { StatusRecord } from "./records.ts";

interface Row {
  /** What the list pages by: an id of the list's own rows. */
  readonly row_id: bigint;
  readonly id: bigint;
}

/** A page of (row, id) pairs, newest first. `from` selects `row_id` and `id`, open for a where on `row_id`. */
export async function pageOfRows(db: Db, from: RawBuilder<unknown>, page: Page): Promise<Row[]> {
  const upwards = page.edge === "oldest";
  const { rows } = await sql<Row>`
    select row_id, id from (${from}) as r
    where ${page.before === null ? sql`true` : sql`row_id < ${page.before}`}
      and ${page.after === null ? sql`true` : sql`row_id > ${page.after}`}
    order by row_id ${upwards ? sql`asc` : sql`desc`} limit ${page.limit}`.execute(db);
  return upwards ? rows.reverse() : rows;
}

export interface AuthorFilter {
  readonly onlyMedia: boolean;
  readonly excludeReplies: boolean;
  readonly excludeReblogs: boolean;
  readonly tagged: string | null;
}

/** An author's statuses that the viewer may see: one index, filtered by what the viewer's relation allows. */
export async function authorStatuses(
  context: AccessContext & { database: Database; reading: StaleReading },
  authorId: AccountId,
  viewerId: AccountId | null,
  page: Page,
  filter: AuthorFilter,
): Promise<StatusRecord[]> {
  const isOwn = viewerId === authorId;
  const follows =
    viewerId !== null && !isOwn && (await context.relations.of(viewerId)).following.has(authorId);
  const seen = isOwn ? sql`true` : follows ? sql`visibility <= 2` : sql`visibility <= 1`;
  const addressed =
    viewerId === null
      ? sql`false`
      : sql`exists (select 1 from status_mentions m where m.status_id = s.id and m.account_id = ${viewerId})`;
  const database = context.database.shards.of(authorId);
  const selected = sql`select id as row_id, id from statuses s where author_id = ${authorId} and (${seen} or ${addressed})
      ${filter.onlyMedia ? sql`and exists (select 1 from media_attachments m where m.status_id = s.id)` : sql``}
      ${filter.excludeReplies ? sql`and (in_reply_to_account_id is null or in_reply_to_account_id = author_id)` : sql``}
      ${filter.excludeReblogs ? sql`and reblog_of_id is null` : sql``}
      ${filter.tagged === null ? sql`` : sql`and exists (select 1 from status_tags t where t.status_id = s.id and t.tag = ${filter.tagged.toLowerCase()})`}`;
  const rows = await database.readStale(context.reading, (db) => pageOfRows(db, selected, page));
  return recordsOf(context, rows, viewerId);
}

export type Marked = "favourites" | "bookmarks";

/** What the account favourited or bookmarked, newest mark first; `rows` are what the list pages by. */
export async function markedStatuses(
  context: AccessContext & { database: Database },
  table: Marked,
  accountId: AccountId,
  page: Page,
): Promise<{ rows: Row[]; records: StatusRecord[] }> {
  const rows = await pageOfRows(
    context.database.shards.of(accountId).db,
    sql`select id as row_id, status_id as id from ${sql.table(table)} where account_id = ${accountId}`,
    page,
  );
  return { rows, records: await recordsOf(context, rows, accountId) };
}

/** Accounts that favourited the status. */
export function favouritedBy({ shards }: Database, statusId: StatusId, page: Page): Promise<Row[]> {
  return pageOfRows(
    shards.of(statusId).db,
    sql`select id as row_id, account_id as id from favourites where status_id = ${statusId}
      union all select id, source_id from remote_reactions
        where status_id = ${statusId} and kind = ${REACTION_CODES.favourite}`,
    page,
  );
}

/** Accounts that boosted the status, as far as their boosts are for everybody. */
export async function rebloggedBy({ shards }: Database, statusId: StatusId, page: Page): Promise<Row[]> {
  const boosts = sql`select id as row_id, author_id as id from statuses
    where reblog_of_id = ${statusId} and visibility <= 1`;
  const rows = await pageOfRows(shards.of(statusId).db, boosts, page);
  if (shards.isOne) return rows;
  const far = await remoteSources(shards.of(statusId).db, "reblog", [statusId]);
  rows.push(
    ...(await shards.gatherBy(far, byItself, ({ db }, ids) =>
      pageOfRows(db, sql`${boosts} and id = any(${[...ids]}::bigint[])`, page),
    )),
  );
  rows.sort((a, b) => descending(a.row_id, b.row_id));
  return page.edge === "oldest" ? rows.slice(-page.limit) : rows.slice(0, page.limit);
}

async function recordsOf(
  context: AccessContext,
  rows: readonly Row[],
  viewerId: AccountId | null,
): Promise<StatusRecord[]> {
  const records = await context.statuses.getMany(rows.map((row) => row.id));
  return onlyVisible(
    context,
    rows.flatMap((row) => records.get(row.id) ?? []),
    viewerId,
  );
}
