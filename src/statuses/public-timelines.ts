/** Timelines that need no following: all public posts, and those with a hashtag. Read from the database by id. */
import { type RawBuilder, sql } from "kysely";
import { type AccountId, descending, type StatusId } from "../core/ids.ts";
import { fullPage, type Page } from "../core/page.ts";
import type { StaleSource } from "../engines/database/pools.ts";
import { onlyShown, type SightContext, TIMELINE } from "./access.ts";
import type { StatusRecord } from "./records.ts";
import { tagKeysAsked } from "./text/tags.ts";

export interface PublicContext extends SightContext, StaleSource {}

export interface TagFilter {
  readonly tag: string;
  readonly any: readonly string[];
  readonly all: readonly string[];
  readonly none: readonly string[];
  readonly onlyMedia: boolean;
}

/** Public posts that are no boosts and answer nobody but their own author. */
export function readPublicTimeline(
  context: PublicContext,
  viewerId: AccountId | null,
  page: Page,
  filter: { onlyMedia: boolean },
): Promise<StatusRecord[]> {
  return readFiltered(context, viewerId, page, (id) => {
    const standing = sql`s.visibility = 0 and s.reblog_of_id is null
      and (s.in_reply_to_account_id is null or s.in_reply_to_account_id = s.author_id)`;
    return sql`select s.id from statuses s where ${standing} and ${id("s.id")} and ${media(filter.onlyMedia)}`;
  });
}

export function readTagTimeline(
  context: PublicContext,
  viewerId: AccountId | null,
  page: Page,
  filter: TagFilter,
): Promise<StatusRecord[]> {
  const any = [filter.tag, ...filter.any].flatMap(tagKeysAsked);
  return readFiltered(context, viewerId, page, (id) => {
    const has = (tag: string) =>
      sql`exists (select 1 from status_tags x where x.status_id = s.id and x.tag = any(${tagKeysAsked(tag)}::text[]))`;
    const all = filter.all.map((tag) => sql`and ${has(tag)}`);
    const none = filter.none.map((tag) => sql`and not ${has(tag)}`);
    return sql`select distinct s.id from status_tags t join statuses s on s.id = t.status_id
      where t.tag = any(${any}::text[]) and s.visibility = 0 and ${id("s.id")} and ${media(filter.onlyMedia)}
        ${sql.join([...all, ...none], sql` `)}`;
  });
}

function media(only: boolean): RawBuilder<unknown> {
  return only ? sql`exists (select 1 from media_attachments m where m.status_id = s.id)` : sql`true`;
}

/** Of all databases, until the page is full of what the viewer may and wants to see. */
function readFiltered(
  context: PublicContext,
  viewerId: AccountId | null,
  page: Page,
  select: (id: (column: string) => RawBuilder<unknown>) => RawBuilder<unknown>,
): Promise<StatusRecord[]> {
  return fullPage(page, {
    read: async (part) => {
      const upwards = part.edge === "oldest";
      const statement = sql<{ id: StatusId }>`
        ${select((column) => between(column, part))}
        order by 1 ${upwards ? sql`asc` : sql`desc`} limit ${part.limit}`;
      const rows = await context.database.shards.gather(
        async (database) => (await database.readStale(context.reading, (db) => statement.execute(db))).rows,
      );
      // While a shard moves, two databases have its posts.
      const newestFirst = [...new Set(rows.map((row) => row.id))].sort(descending);
      return upwards ? newestFirst.slice(-part.limit) : newestFirst.slice(0, part.limit);
    },
    idOf: (id) => id,
    keep: async (ids) => {
      const records = await context.statuses.getMany(ids);
      const existing = ids.flatMap((id) => records.get(id) ?? []);
      return onlyShown(context, existing, viewerId, TIMELINE);
    },
  });
}

function between(
  column: string,
  { before, after }: { before: StatusId | null; after: StatusId | null },
): RawBuilder<unknown> {
  const id = sql.ref(column);
  return sql`${before === null ? sql`true` : sql`${id} < ${before}`}
    and ${after === null ? sql`true` : sql`${id} > ${after}`}`;
}
