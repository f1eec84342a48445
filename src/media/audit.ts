/**
 * What the media store and the databases disagree on. Both give their keys in one order, and are read side by side, so
 * neither needs to fit into memory. The names are those of one moment, before the first file is listed: a file that
 * has no name then and is older than an hour has none since, for a file is listed as going before it is stored.
 */
import { sql } from "kysely";
import type pg from "pg";
import { Unavailable } from "../core/errors.ts";
import type { AccountId, MediaId, StatusId } from "../core/ids.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import type { MediaStore } from "../engines/media-store/port.ts";
import { listed } from "./expiry.ts";

export interface AuditContext {
  /** All there are, the main one first. */
  readonly databases: readonly Database[];
  readonly store: MediaStore;
  /** Of the names in the databases; and how many files were listed. */
  readonly onProgress: (done: number, total: number, files: number) => void;
}

export type Disagreement =
  /** A file of ours that nothing names. */
  | { readonly kind: "file"; readonly key: string; readonly sizeBytes: number; readonly ageMs: number }
  /** A row that names a file which isn't there. */
  | {
      readonly kind: "row";
      readonly what: "media" | "avatar" | "header";
      readonly id: bigint;
      readonly key: string;
      readonly database: Database;
    };

type Name = { readonly key: string; readonly what: string; readonly id: string; readonly database: Database };

/** The clocks of store and server may differ by a quarter of an hour, and a server of before lists no uploads. */
const MIN_AGE_MS = 3_600_000;
/** What uploads make. A bucket may hold other files, such as those of another server under a prefix of its own. */
const OURS = /^(attachments|avatars|headers)\/\d+\//;
const ROWS_AT_ONCE = 1_000;

const NAMES = `
  select key, what, id::text from (
    select unnest(array[original_key, preview_key]) as key, 'media' as what, id from media_attachments
    union all select avatar_key, 'avatar', id from accounts
    union all select avatar_static_key, 'avatar', id from accounts
    union all select header_key, 'header', id from accounts
    union all select key, 'expiring', 0 from expiring_files
    union all select unnest(array[m ->> 'original_key', m ->> 'preview_key']), 'history', 0
      from status_edits, jsonb_array_elements(media) m) names
  where key is not null order by key collate "C"`;

/** Throws Unavailable when shards move meanwhile. */
export async function* disagreements(context: AuditContext): AsyncGenerator<Disagreement> {
  await using opened = new AsyncDisposableStack();
  const [main] = context.databases;
  const mapBefore = await mapVersion(main);
  const cursors = [];
  for (const database of context.databases) cursors.push(await openNames(database, opened));
  // A shard that left a database after that one was read, for one that had been read before, would have no names.
  if ((await mapVersion(main)) !== mapBefore)
    throw new Unavailable("Shards have moved to another database meanwhile: run it again");
  const total = cursors.reduce((sum, { count }) => sum + count, 0);
  let done = 0;
  let files = 0;
  const names = inOrder(cursors.map(({ names }) => names));
  let next = await names.next();
  const take = async (): Promise<Name[]> => {
    const same: Name[] = [];
    for (const key = next.value?.key; !next.done && next.value.key === key; next = await names.next())
      same.push(next.value);
    done += same.length;
    return same;
  };
  for await (const file of context.store.list()) {
    while (!next.done && next.value.key < file.key) yield* missing(context, await take());
    if (!next.done && next.value.key === file.key) await take();
    else if (file.ageMs > MIN_AGE_MS && OURS.test(file.key)) yield { kind: "file", ...file };
    context.onProgress(done, total, ++files);
  }
  while (!next.done) yield* missing(context, await take());
  context.onProgress(done, total, files);
}

async function mapVersion(main: Database | undefined): Promise<string | undefined> {
  if (!main) return undefined;
  const { rows } = await sql<{ version: string }>`select version::text from shard_map_version`.execute(
    main.db,
  );
  return rows[0]?.version;
}

/** Kept by the server as it is now, without a transaction that stays open. */
async function openNames(
  database: Database,
  opened: AsyncDisposableStack,
): Promise<{ count: number; names: AsyncGenerator<Name> }> {
  const client = opened.adopt(await database.dedicated(), (one) => one.end());
  await client.query(`declare names scroll cursor with hold for ${NAMES}`);
  const { rowCount } = await client.query("move forward all in names");
  await client.query("move absolute 0 in names");
  return { count: rowCount ?? 0, names: fetched(client, database) };
}

async function* fetched(client: pg.Client, database: Database): AsyncGenerator<Name> {
  for (;;) {
    const { rows } = await client.query<Omit<Name, "database">>(`fetch ${ROWS_AT_ONCE} from names`);
    if (rows.length === 0) return;
    for (const row of rows) yield { ...row, database };
  }
}

async function* inOrder(streams: readonly AsyncGenerator<Name>[]): AsyncGenerator<Name> {
  const heads = await Promise.all(streams.map(async (stream) => ({ stream, next: await stream.next() })));
  for (;;) {
    const left = heads.filter(({ next }) => !next.done);
    if (left.length === 0) return;
    const least = left.reduce((a, b) => ((b.next.value as Name).key < (a.next.value as Name).key ? b : a));
    yield least.next.value as Name;
    least.next = await least.stream.next();
  }
}

/** Those of the names of one key that are rows which still want it; the file may have come since, or the row gone. */
async function* missing(context: AuditContext, names: readonly Name[]): AsyncGenerator<Disagreement> {
  const rows = new Map(names.map((name) => [`${name.what} ${name.id}`, name]));
  for (const { what, id, key, database } of rows.values()) {
    if (what !== "media" && what !== "avatar" && what !== "header") continue;
    const row = { kind: "row", what, id: BigInt(id), key, database } as const;
    if ((await wanted(row)) && !(await isThere(context.store, key))) yield row;
  }
}

type Row = Extract<Disagreement, { kind: "row" }>;

async function wanted({ what, id, key, database }: Row): Promise<boolean> {
  const names =
    what === "media"
      ? sql`media_attachments where id = ${id} and ${key} in (original_key, preview_key)`
      : sql`accounts where id = ${id} and ${key} in (avatar_key, avatar_static_key, header_key)`;
  return (await sql`select 1 from ${names}`.execute(database.db)).rows.length > 0;
}

async function isThere(store: MediaStore, key: string): Promise<boolean> {
  const found = await store.get(key);
  found?.body.destroy();
  return found !== null;
}

/** Whose rendered form has changed. */
export interface Mended {
  readonly accounts?: AccountId[];
  readonly statuses?: StatusId[];
}

/**
 * A file that nothing names goes. A row whose original is gone shows the preview, and the other way round; without
 * both it goes, and its post has a picture less. An avatar or header that is gone is drawn from the name.
 */
export async function mend({ store }: AuditContext, one: Disagreement): Promise<Mended> {
  if (one.kind === "file") {
    await store.delete(one.key);
    return {};
  }
  const { what, id, key, database } = one;
  if (what === "media") return mendMedia(database.db, store, id);
  const column = what === "avatar" ? "avatar_key" : "header_key";
  const also = what === "avatar" ? sql`, avatar_static_key = null` : sql``;
  await sql`update accounts set ${sql.ref(column)} = null ${also}
    where id = ${id} and ${key} in (avatar_key, avatar_static_key, header_key)`.execute(database.db);
  return { accounts: [id] };
}

async function mendMedia(db: Db, store: MediaStore, id: MediaId): Promise<Mended> {
  const row = await db
    .selectFrom("media_attachments")
    .select(["original_key", "preview_key", "status_id"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (!row) return {};
  const hasOriginal = await isThere(store, row.original_key);
  const hasPreview = await isThere(store, row.preview_key);
  if (hasOriginal && hasPreview) return {};
  const unchanged = sql`id = ${id} and original_key = ${row.original_key} and preview_key = ${row.preview_key}`;
  const set = hasOriginal
    ? sql`preview_key = original_key, meta = jsonb_set(meta, '{small}', meta -> 'original')`
    : sql`original_key = preview_key, meta = jsonb_set(meta, '{original}', meta -> 'small')`;
  await (hasOriginal || hasPreview
    ? sql`update media_attachments set ${set} where ${unchanged}`
    : sql`delete from media_attachments where ${unchanged}`
  ).execute(db);
  return row.status_id === null ? {} : { statuses: [row.status_id] };
}

/**
 * Rows that nothing needs and that aren't listed as going: left by a version before this one, which had no list.
 * Without those that the history of a post shows.
 */
const UNUSED = `
  with shown as materialized (
    select (m ->> 'id')::bigint as id from status_edits, jsonb_array_elements(media) m)
  select m.id from media_attachments m
  left join statuses s on s.id = coalesce(m.status_id, m.history_status_id)
  where s.id is null and not exists (select from expiring_files f where f.key = m.original_key)
    and (m.status_id is not null or m.history_status_id is not null
      or m.created_at < now() - interval '1 day' and m.id not in (select id from shown))`;

/** Their ids, a batch at a time, each database for itself. */
export async function* unusedRows({
  databases,
}: Pick<AuditContext, "databases">): AsyncGenerator<{ database: Database; ids: MediaId[] }> {
  for (const database of databases) {
    await using opened = new AsyncDisposableStack();
    const client = opened.adopt(await database.dedicated(), (one) => one.end());
    await client.query(`declare unused no scroll cursor with hold for ${UNUSED}`);
    for (;;) {
      const { rows } = await client.query<{ id: MediaId }>(`fetch ${ROWS_AT_ONCE} from unused`);
      if (rows.length === 0) break;
      yield { database, ids: rows.map(({ id }) => id) };
    }
  }
}

/** Lists the files of these rows as going now, unless a post has taken one meanwhile. Resolves to how many files. */
export async function releaseUnused({ db }: Database, ids: readonly MediaId[]): Promise<number> {
  return db.transaction().execute(async (tx) => {
    // Only a statement after the lock sees the post that attached one of them while this waited.
    await sql`select 1 from media_attachments where id = any(${[...ids]}::bigint[]) for update`.execute(tx);
    const { rows } = await sql`
      with released as (
        update media_attachments m set status_id = null, history_status_id = null
        where id = any(${[...ids]}::bigint[])
          and not exists (select from statuses s where s.id = coalesce(m.status_id, m.history_status_id))
          and not exists (select from expiring_files f where f.key = m.original_key)
        returning id, account_id, original_key, preview_key)
      ${listed(sql`released`, 0)}`.execute(tx);
    return rows.length;
  });
}
