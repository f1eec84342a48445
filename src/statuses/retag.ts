/**
 * Hashtags of posts that were written under other rules: found anew in the texts, in the background, so that each has
 * the key it is looked for by. Meanwhile `tagKeysAsked` finds posts by the keys of before, too.
 *
 * Each database is walked through by id. Its row in `retagging` is locked for a batch, so several processes take turns,
 * and one that is killed has lost a batch at most. A second lap comes a day later: processes of the version before may
 * write and edit posts until they are replaced. A shard that moves sends its new database back to the start
 * (`shard-move.ts`), since posts from elsewhere lie before and behind the place where that one is.
 */
import { sql } from "kysely";
import { type Clock, sleep } from "../core/clock.ts";
import { idAtMs, type StatusId } from "../core/ids.ts";
import type { Invalidate } from "../core/invalidation.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import { tagKey } from "./text/tags.ts";
import { parseText } from "./text.ts";

/** To be raised when other hashtags are found in a text than before, or they get other keys. */
const TAG_RULES = 2;
/** Few enough that requests to this process don't wait for them. */
const STATUSES_AT_ONCE = 200;
const PAUSE_MS = 50;
/** Posts are seen once their transactions have ended, which is so much later than their ids say. */
const COMMIT_MS_MAX = 60_000;

export interface RetagContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly invalidate: Invalidate;
  /** Told the share of the posts that are done. */
  readonly onProgress: (share: number) => void;
}

/** Goes on where it was left, in all databases. Ends when nothing is to be done now. */
export async function retag(context: RetagContext, signal: AbortSignal): Promise<void> {
  for (const database of context.database.shards.all) {
    while (!signal.aborted && (await retagBatch(context, database))) {
      context.onProgress(await retaggedShare(context.database));
      await sleep(PAUSE_MS, signal);
    }
  }
  context.onProgress(await retaggedShare(context.database));
}

/** From 0 to 1, of the database that is behind the others. */
export async function retaggedShare({ shards }: Database): Promise<number> {
  const shares = await shards.gather(async ({ db }) => [await shareIn(db)]);
  return Math.min(...shares);
}

/** Of one database. Ids go by time, so their middle is about the middle of the posts. */
export async function shareIn(db: Db): Promise<number> {
  const { rows } = await sql<{ share: number | null }>`
    select case when ended_at is not null or lap > 1 or last is null then 1
        else greatest(0, status_id - first)::float8 / greatest(1, last - first) end as share
    from retagging, (select min(id) as first, max(id) as last from statuses) s`.execute(db);
  return Math.min(1, rows[0]?.share ?? 1);
}

interface Walk {
  readonly rules: number;
  readonly lap: number;
  readonly status_id: StatusId;
  readonly is_over: boolean;
  readonly is_second_due: boolean;
}

interface Tagged {
  readonly id: StatusId;
  readonly text: string;
  /** `key name`, in order. */
  readonly tags: readonly string[];
}

/** Resolves to whether there may be more. */
async function retagBatch(
  { database: { shards }, clock, invalidate }: RetagContext,
  database: Database,
): Promise<boolean> {
  const changed: StatusId[] = [];
  const isMore = await database.db.transaction().execute(async (tx) => {
    const walk = await lockWalk(tx);
    if (!walk || walk.is_over || (walk.lap > 1 && !walk.is_second_due)) return false;
    const statuses = await nextStatuses(tx, walk.status_id, idAtMs(clock.nowMs() - COMMIT_MS_MAX));
    // Of a shard that has left, or is still coming: nothing of these rows may be changed here.
    const own = statuses.filter(({ id }) => shards.of(id) === database);
    const otherwise = own.filter((status) => status.tags.join() !== tagsOf(status.text).join());
    changed.push(...(await rewrite(tx, otherwise)));
    const last = statuses.at(-1);
    if (last) await sql`update retagging set status_id = ${last.id}`.execute(tx);
    else if (walk.lap > 1) await sql`update retagging set ended_at = now()`.execute(tx);
    else await sql`update retagging set lap = 2, status_id = 0`.execute(tx);
    return last !== undefined;
  });
  if (changed.length > 0) await invalidate({ statuses: changed });
  return isMore;
}

/** Begins anew when the rules are others. Undefined while another process is at it, or goes by later rules. */
async function lockWalk(tx: Db): Promise<Walk | undefined> {
  const { rows } = await sql<Walk>`
    select rules, lap, status_id, ended_at is not null as is_over,
      began_at < now() - interval '1 day' as is_second_due
    from retagging where rules <= ${TAG_RULES} for update skip locked`.execute(tx);
  const [walk] = rows;
  if (!walk || walk.rules === TAG_RULES) return walk;
  await sql`update retagging set rules = ${TAG_RULES}, lap = 1, status_id = 0, began_at = now(), ended_at = null`.execute(
    tx,
  );
  return { rules: TAG_RULES, lap: 1, status_id: 0n as StatusId, is_over: false, is_second_due: false };
}

async function nextStatuses(tx: Db, after: StatusId, below: StatusId): Promise<Tagged[]> {
  const { rows } = await sql<Tagged>`
    select s.id, s.text, array(
      select t.tag || ' ' || t.name from status_tags t where t.status_id = s.id) as tags
    from statuses s where s.id > ${after} and s.id < ${below} order by s.id limit ${STATUSES_AT_ONCE}`.execute(
    tx,
  );
  return rows.map((row) => ({ ...row, tags: row.tags.toSorted() }));
}

/** As they are stored. */
function tagsOf(text: string): string[] {
  if (!/[#＃]/.test(text)) return [];
  return parseText(text, "")
    .tags.map((name) => `${tagKey(name)} ${name}`)
    .toSorted();
}

/** By the texts of when their rows are locked: an edit may have come before. Resolves to those that still exist. */
async function rewrite(tx: Db, statuses: readonly Tagged[]): Promise<StatusId[]> {
  if (statuses.length === 0) return [];
  const { rows } = await sql<{ id: StatusId; text: string }>`
    select id, text from statuses where id = any(${statuses.map(({ id }) => id)}::bigint[])
    order by id for update`.execute(tx);
  const ids = rows.map(({ id }) => id);
  const tags = rows.flatMap(({ id, text }) => parseText(text, "").tags.map((name) => ({ id, name })));
  await sql`delete from status_tags where status_id = any(${ids}::bigint[])`.execute(tx);
  await sql`insert into status_tags (status_id, tag, name)
    select * from unnest(${tags.map(({ id }) => id)}::bigint[], ${tags.map(({ name }) => tagKey(name))}::text[],
      ${tags.map(({ name }) => name)}::text[])`.execute(tx);
  return ids;
}
