/** Lists of statuses and of accounts around statuses: an author's, favourites, bookmarks, who boosted. */
import { type RawBuilder, sql } from "kysely";
import { type AccountId, descending, type StatusId } from "../core/ids.ts";
import { fullPage, type Page } from "../core/page.ts";
import type { Db, StaleSource } from "../engines/database/pools.ts";
import { byItself } from "../engines/database/shards.ts";
import { isBlockedBy, onlyShown, onlyShownAccounts, onlyVisible, type SightContext } from "./access.ts";
import { REACTION_CODES, remoteSources } from "./reactions.ts";
import type { StatusRecord } from "./records.ts";
import { tagKeysAsked } from "./text/tags.ts";

export interface ListRow {
  /** What the list pages by: an id of the list's own rows. */
  readonly row_id: bigint;
  readonly id: bigint;
}

/** A page of (row, id) pairs, newest first. `from` selects `row_id` and `id`, open for a where on `row_id`. */
export async function pageOfRows(db: Db, from: RawBuilder<unknown>, page: Page): Promise<ListRow[]> {
  const upwards = page.edge === "oldest";
  const { rows } = await sql<ListRow>`
    select row_id, id from (${from}) as r
    where ${page.before === null ? sql`true` : sql`row_id < ${page.before}`}
      and ${page.after === null ? sql`true` : sql`row_id > ${page.after}`}
    order by row_id ${upwards ? sql`asc` : sql`desc`} limit ${page.limit}`.execute(db);
  return upwards ? rows.reverse() : rows;
}

/** A full page of those rows whose accounts show to the viewer. With nobody as viewer, of those that everybody sees. */
export function pageOfAccounts(
  context: SightContext,
  viewerId: AccountId | null,
  page: Page,
  read: (page: Page) => Promise<readonly ListRow[]>,
): Promise<ListRow[]> {
  return fullPage(page, {
    read,
    idOf: (row) => row.row_id,
    keep: async (rows) => {
      const ids = rows.map((row) => row.id);
      const shown = new Set(await onlyShownAccounts(context, ids, viewerId));
      return rows.filter((row) => shown.has(row.id));
    },
  });
}

export interface AuthorFilter {
  readonly onlyMedia: boolean;
  readonly excludeReplies: boolean;
  readonly excludeReblogs: boolean;
  readonly tagged: string | null;
}

/**
 * An author's statuses that the viewer may see: one index, filtered by what the viewer's relation allows. The author
 * shows on this page to a viewer who blocks or mutes them, what they boosted of others as everywhere. Accounts that the
 * author blocks see nothing.
 */
export async function authorStatuses(
  context: SightContext & StaleSource,
  authorId: AccountId,
  viewerId: AccountId | null,
  page: Page,
  filter: AuthorFilter,
): Promise<StatusRecord[]> {
  const isOwn = viewerId === authorId;
  if (await isBlockedBy(context, viewerId, authorId)) return [];
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
      ${filter.tagged === null ? sql`` : sql`and exists (select 1 from status_tags t where t.status_id = s.id and t.tag = any(${tagKeysAsked(filter.tagged)}::text[]))`}`;
  return fullPage(page, {
    read: (part) => database.readStale(context.reading, (db) => pageOfRows(db, selected, part)),
    idOf: (row) => row.row_id,
    keep: async (rows) =>
      onlyShown(context, await recordsOf(context, rows), viewerId, { isTimeline: false, ownerId: authorId }),
  });
}

export type Marked = "favourites" | "bookmarks";

/**
 * What the account favourited or bookmarked, newest mark first; `rows` are what the list pages by. One's own choice, of
 * whomever: a block or a mute takes nothing out of it.
 */
export async function markedStatuses(
  context: SightContext & StaleSource,
  table: Marked,
  accountId: AccountId,
  page: Page,
): Promise<{ rows: ListRow[]; records: StatusRecord[] }> {
  const marks = sql`select id as row_id, status_id as id from ${sql.table(table)} where account_id = ${accountId}`;
  const database = context.database.shards.of(accountId);
  const rows = await database.readStale(context.reading, (db) => pageOfRows(db, marks, page));
  return { rows, records: await onlyVisible(context, await recordsOf(context, rows), accountId) };
}

/** Accounts that favourited the status. */
export function favouritedBy(
  { database, reading }: StaleSource,
  statusId: StatusId,
  page: Page,
): Promise<ListRow[]> {
  const favourites = sql`select id as row_id, account_id as id from favourites where status_id = ${statusId}
    union all select id, source_id from remote_reactions
      where status_id = ${statusId} and kind = ${REACTION_CODES.favourite}`;
  return database.shards.of(statusId).readStale(reading, (db) => pageOfRows(db, favourites, page));
}

/** Accounts that boosted the status, as far as their boosts are for everybody. */
export async function rebloggedBy(
  { database: { shards }, reading }: StaleSource,
  statusId: StatusId,
  page: Page,
): Promise<ListRow[]> {
  const boosts = sql`select id as row_id, author_id as id from statuses
    where reblog_of_id = ${statusId} and visibility <= 1`;
  const near = shards.of(statusId);
  const rows = await near.readStale(reading, (db) => pageOfRows(db, boosts, page));
  if (shards.isOne) return rows;
  const far = await near.readStale(reading, (db) => remoteSources(db, "reblog", [statusId]));
  const boostsAmong = (ids: readonly StatusId[]) => sql`${boosts} and id = any(${[...ids]}::bigint[])`;
  rows.push(
    ...(await shards.gatherBy(far, byItself, (database, ids) =>
      database.readStale(reading, (db) => pageOfRows(db, boostsAmong(ids), page)),
    )),
  );
  rows.sort((a, b) => descending(a.row_id, b.row_id));
  return page.edge === "oldest" ? rows.slice(-page.limit) : rows.slice(0, page.limit);
}

async function recordsOf(context: SightContext, rows: readonly ListRow[]): Promise<StatusRecord[]> {
  const records = await context.statuses.getMany(rows.map((row) => row.id));
  return rows.flatMap((row) => records.get(row.id) ?? []);
}
