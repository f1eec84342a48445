/** Timelines that need no following: all public posts, and those with a hashtag. Read from the database by id. */
import { type RawBuilder, sql } from "kysely";
import type { Clock } from "../core/clock.ts";
import { type AccountId, descending, type StatusId } from "../core/ids.ts";
import type { Page } from "../core/page.ts";
import type { StaleSource } from "../engines/database/pools.ts";
import { isMuted, type Relations } from "../relations/relations.ts";
import { type AccessContext, onlyVisible } from "./access.ts";
import type { StatusRecord } from "./records.ts";
import { tagKeysAsked } from "./text/tags.ts";

export interface PublicContext extends AccessContext, StaleSource {
  readonly clock: Clock;
}

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

const EXTRA = 10;

/** Goes on reading until the page is full of what the viewer may and wants to see. */
async function readFiltered(
  context: PublicContext,
  viewerId: AccountId | null,
  page: Page,
  select: (id: (column: string) => RawBuilder<unknown>) => RawBuilder<unknown>,
): Promise<StatusRecord[]> {
  const upwards = page.edge === "oldest";
  const relations = viewerId === null ? null : await context.relations.of(viewerId);
  const found: StatusRecord[] = [];
  let { before, after } = page;
  while (found.length < page.limit) {
    const wanted = page.limit - found.length + EXTRA;
    const bounds = { before, after };
    const statement = sql<{ id: StatusId }>`
      ${select((column) => between(column, bounds))}
      order by 1 ${upwards ? sql`asc` : sql`desc`} limit ${wanted}`;
    const rows = await context.database.shards.gather(
      async (database) => (await database.readStale(context.reading, (db) => statement.execute(db))).rows,
    );
    // While a shard moves, two databases have its posts.
    const newestFirst = [...new Set(rows.map((row) => row.id))].sort(descending);
    const ids = (upwards ? newestFirst.reverse() : newestFirst).slice(0, wanted);
    found.push(...(await visibleOf(context, ids, viewerId, relations)));
    const last = ids.at(-1);
    if (last === undefined || ids.length < wanted) break;
    if (upwards) after = last;
    else before = last;
  }
  const cut = found.slice(0, page.limit);
  return upwards ? cut.reverse() : cut;
}

function between(
  column: string,
  { before, after }: { before: StatusId | null; after: StatusId | null },
): RawBuilder<unknown> {
  const id = sql.ref(column);
  return sql`${before === null ? sql`true` : sql`${id} < ${before}`}
    and ${after === null ? sql`true` : sql`${id} > ${after}`}`;
}

async function visibleOf(
  context: PublicContext,
  ids: readonly StatusId[],
  viewerId: AccountId | null,
  relations: Relations | null,
): Promise<StatusRecord[]> {
  const records = await context.statuses.getMany(ids);
  const existing = ids.flatMap((id) => records.get(id) ?? []);
  const visible = await onlyVisible(context, existing, viewerId);
  if (!relations) return visible;
  return visible.filter(({ facts }) => {
    if (facts.authorId === viewerId) return true;
    return !relations.blocking.has(facts.authorId) && !isMuted(relations, facts.authorId, context.clock);
  });
}
