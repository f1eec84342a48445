/**
 * The end of media: rows that nothing needs any more, and the files of the store that are listed as going
 * (`engines/database/expiring-files.ts`).
 *
 * A row goes first, in a transaction that looks whether anything needs it: a post that attaches the medium at the
 * same moment either has it, with its files, or is told that there is no such medium. A file goes when it has no row,
 * in three steps: it is claimed for a while, deleted, and struck off the list. A process that is killed between them
 * leaves a file on the list, which the next run takes when the claim is over. Several processes may run this at once.
 */
import { sql } from "kysely";
import { Invalid, NotFound, Unavailable } from "../core/errors.ts";
import type { AccountId, MediaId, StatusId } from "../core/ids.ts";
import { expirePictures, GRACE_HOURS } from "../engines/database/expiring-files.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import { isMoving } from "../engines/database/shards.ts";
import type { MediaStore } from "../engines/media-store/port.ts";
import { IS_UNATTACHED } from "./upload.ts";

/** Longer than deleting a batch takes, however slow the store. */
const CLAIM_MINUTES = 2;
const ROWS_AT_ONCE = 200;
const FILES_AT_ONCE = 50;
const DELETES_AT_ONCE = 10;

export interface ExpiryContext {
  readonly store: MediaStore;
  readonly onDeleted: (sizeBytes: number) => void;
  readonly onFailed: () => void;
}

/**
 * Lets go of all media of statuses that are about to be deleted, those that their histories show included: they can be
 * attached again for an hour, or are gone at once. Resolves to the keys of files that are to go at once.
 */
export async function releaseMedia(
  tx: Db,
  statusIds: readonly StatusId[],
  { atOnce }: { atOnce: boolean },
): Promise<string[]> {
  const ids = [...statusIds];
  const released = atOnce
    ? sql`delete from media_attachments a using named`
    : sql`update media_attachments a set status_id = null, history_status_id = null from named`;
  const { rows } = await sql<{ key: string }>`
    with named as materialized (
      select id from media_attachments where status_id = any(${ids}::bigint[])
      union
      select (m ->> 'id')::bigint from status_edits e, jsonb_array_elements(e.media) m
      where e.status_id = any(${ids}::bigint[])),
    released as (
      ${released} where a.id = named.id and (a.status_id is null or a.status_id = any(${ids}::bigint[]))
      returning a.id, a.account_id, a.original_key, a.preview_key)
    ${listed(sql`released`, atOnce ? 0 : GRACE_HOURS)}`.execute(tx);
  return atOnce ? rows.map(({ key }) => key) : [];
}

/** Throws NotFound for another account's, and Invalid when a post, or the history of one, shows it. */
export async function deleteMedia(
  { shards }: Database,
  accountId: AccountId,
  id: MediaId,
): Promise<string[]> {
  const { db } = shards.of(accountId);
  const { rows } = await sql<{ key: string }>`
    with released as (
      delete from media_attachments where id = ${id} and account_id = ${accountId} and ${IS_UNATTACHED}
      returning id, account_id, original_key, preview_key)
    ${listed(sql`released`, 0)}`.execute(db);
  if (rows.length > 0) return rows.map(({ key }) => key);
  const kept =
    await sql`select 1 from media_attachments where id = ${id} and account_id = ${accountId}`.execute(db);
  if (kept.rows.length === 0) throw new NotFound();
  throw new Invalid("Media attachment is currently used by a status");
}

/**
 * All pictures of an account that is being deleted go at once: those of its posts, of their histories, uploaded ones
 * without a post, avatar and header. Who calls this forgets the account and its posts in caches.
 */
export async function deleteMediaOf({ db, shards }: Database, accountId: AccountId): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ keys: string[] }>`
      with was as (select array_remove(array[avatar_key, avatar_static_key, header_key], null) as keys
        from accounts where id = ${accountId} for update)
      update accounts set avatar_key = null, avatar_static_key = null, header_key = null from was
      where id = ${accountId} returning was.keys`.execute(tx);
    await expirePictures(tx, rows[0]?.keys ?? [], 0);
  });
  await sql`
    with named as materialized (
      select m.id from statuses s join media_attachments m on m.status_id = s.id where s.author_id = ${accountId}
      union
      select (m ->> 'id')::bigint from statuses s join status_edits e on e.status_id = s.id,
        jsonb_array_elements(e.media) m where s.author_id = ${accountId}
      union
      select media_id from expiring_files where account_id = ${accountId}),
    released as (
      delete from media_attachments a using named where a.id = named.id and a.account_id = ${accountId}
      returning a.id, a.account_id, a.original_key, a.preview_key)
    ${listed(sql`released`, 0)}`.execute(shards.of(accountId).db);
}

/** The end of a statement: lists the files of these rows. They may be listed already, from when they were uploaded. */
export function listed(rows: ReturnType<typeof sql>, inHours: number) {
  return sql`insert into expiring_files (key, account_id, media_id, expires_at)
    select distinct on (key) key, account_id, id, now() + ${inHours} * interval '1 hour'
    from ${rows}, unnest(array[original_key, preview_key]) as k (key)
    on conflict (key) do update set expires_at = excluded.expires_at
    returning key`;
}

/** Files whose rows this process has just taken away. What fails here, the next run does. */
export async function deleteNow(
  context: ExpiryContext,
  { shards }: Database,
  accountId: AccountId,
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return;
  try {
    const { db } = shards.of(accountId);
    await deleteFiles(context, db, await claim(db, keys));
  } catch {
    // They are on the list.
  }
}

/**
 * One run: everything that is due in these databases, until `signal` aborts. What the store doesn't do just now stays
 * on the list; throws afterwards when it fails for another reason than being away.
 */
export async function deleteExpiredMedia(
  context: ExpiryContext,
  databases: readonly Database[],
  signal?: AbortSignal,
): Promise<void> {
  const problems: unknown[] = [];
  for (const { db } of databases) {
    try {
      while (!signal?.aborted && (await takeNeedlessRows(db)) > 0);
      while (!signal?.aborted) {
        const claimed = await claim(db, null);
        if (claimed.length === 0) break;
        const failures = await deleteFiles(context, db, claimed);
        problems.push(...failures.slice(0, 1));
        if (failures.length === claimed.length) break;
      }
    } catch (error) {
      problems.push(error);
    }
  }
  const problem = problems.find((one) => !(one instanceof Unavailable) && !isMoving(one));
  if (problem !== undefined) throw problem;
}

/** Files that are due, and not deleted yet. */
export async function countWaiting(databases: readonly Database[]): Promise<number> {
  const counts = await Promise.all(
    databases.map(({ db }) =>
      sql<{ count: number }>`select count(*)::int as count from expiring_files
        where expires_at <= now()`.execute(db),
    ),
  );
  return counts.reduce((sum, { rows }) => sum + (rows[0]?.count ?? 0), 0);
}

/**
 * Rows of media whose files are due go, unless something needs them: then their files aren't listed any more. Both rows
 * are locked, so what was decided on is what there is: in the order of `releaseMedia`, or not waiting at all.
 */
async function takeNeedlessRows(db: Db): Promise<number> {
  const { rows } = await sql`
    with due as materialized (
      select f.key, m.id, m.status_id is null and m.history_status_id is null as is_needless
      from expiring_files f join media_attachments m on m.id = f.media_id
      where f.expires_at <= now() and f.claimed_until is null
      order by f.expires_at limit ${ROWS_AT_ONCE} for update skip locked),
    gone as (
      delete from media_attachments where id in (select id from due where is_needless) and ${IS_UNATTACHED}),
    kept as (
      delete from expiring_files where key in (select key from due where not is_needless))
    select key from due`.execute(db);
  return rows.length;
}

/** Files that are due and have no row, for a while nobody else's. Of these, or any. */
async function claim(db: Db, keys: readonly string[] | null): Promise<string[]> {
  const of = keys === null ? sql`true` : sql`f.key = any(${[...keys]}::text[])`;
  const { rows } = await sql<{ key: string }>`
    with due as materialized (
      select f.key from expiring_files f
      where f.expires_at <= now() and (f.claimed_until is null or f.claimed_until <= now()) and ${of}
        and not exists (select from media_attachments m where m.id = f.media_id)
      order by f.expires_at limit ${FILES_AT_ONCE} for update skip locked)
    update expiring_files set claimed_until = now() + ${CLAIM_MINUTES} * interval '1 minute'
    from due where expiring_files.key = due.key
    returning expiring_files.key`.execute(db);
  return rows.map(({ key }) => key);
}

/** Resolves to what went wrong. */
async function deleteFiles(context: ExpiryContext, db: Db, keys: readonly string[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  const done: string[] = [];
  const waiting = [...keys];
  const work = async () => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
      try {
        const sizeBytes = await context.store.delete(key);
        if (sizeBytes !== null) context.onDeleted(sizeBytes);
        done.push(key);
      } catch (error) {
        context.onFailed();
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: DELETES_AT_ONCE }, work));
  if (done.length > 0) await sql`delete from expiring_files where key = any(${done}::text[])`.execute(db);
  return failures;
}
