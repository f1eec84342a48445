import { type RawBuilder, sql } from "kysely";
import type { NotificationType } from "../accounts/told.ts";
import type { AccountId, NotificationId, StatusId } from "../core/ids.ts";
import { fullPage, type Page } from "../core/page.ts";
import type { Database, Db, StaleSource } from "../engines/database/pools.ts";
import { ofNow } from "../engines/database/replica-router.ts";

export interface NotificationRow {
  readonly id: NotificationId;
  readonly type: NotificationType;
  readonly from_account_id: AccountId;
  readonly status_id: StatusId | null;
  readonly created_at: Date;
}

export interface NotificationFilter {
  readonly types: readonly string[];
  readonly excludeTypes: readonly string[];
  readonly fromId: AccountId | null;
}

/**
 * Newest first; those from accounts that are blocked, muted or suspended by now are left out. A replica may be asked:
 * blocks, mutes and what was dismissed are the reader's own writes, and a server that hears of a suspension asks none.
 */
export async function pageOfNotifications(
  { database, reading }: StaleSource,
  accountId: AccountId,
  page: Page,
  filter: NotificationFilter,
): Promise<NotificationRow[]> {
  if (database.shards.isOne)
    return database.readStale(reading, (db) => pageIn(db, accountId, page, filter, shown(accountId)));
  const own = database.shards.of(accountId);
  // Who may show is said by another database.
  return fullPage(page, {
    read: (part) => own.readStale(reading, (db) => pageIn(db, accountId, part, filter, sql`true`)),
    idOf: (row) => row.id,
    keep: (rows) => database.readStale(reading, (db) => onlyShown(db, accountId, rows)),
  });
}

async function pageIn(
  db: Db,
  accountId: AccountId,
  page: Page,
  filter: NotificationFilter,
  condition: RawBuilder<unknown>,
): Promise<NotificationRow[]> {
  const upwards = page.edge === "oldest";
  const { rows } = await sql<NotificationRow>`
    select n.id, n.type, n.from_account_id, n.status_id, n.created_at from notifications n
    where n.account_id = ${accountId} and ${condition}
      and ${page.before === null ? sql`true` : sql`n.id < ${page.before}`}
      and ${page.after === null ? sql`true` : sql`n.id > ${page.after}`}
      and ${filter.types.length === 0 ? sql`true` : sql`n.type = any(${[...filter.types]}::text[])`}
      and ${filter.excludeTypes.length === 0 ? sql`true` : sql`n.type <> all(${[...filter.excludeTypes]}::text[])`}
      and ${filter.fromId === null ? sql`true` : sql`n.from_account_id = ${filter.fromId}`}
    order by n.id ${upwards ? sql`asc` : sql`desc`} limit ${page.limit}`.execute(db);
  return upwards ? rows.reverse() : rows;
}

/** From the primary: who asks for a single one was told of it just now. */
export async function findNotification(
  database: Database,
  accountId: AccountId,
  id: NotificationId,
): Promise<NotificationRow | null> {
  const page: Page = { before: null, after: id - 1n, edge: "oldest", limit: 1 };
  const [row] = await pageOfNotifications({ database, reading: ofNow() }, accountId, page, ALL);
  return row?.id === id ? row : null;
}

const ALL: NotificationFilter = { types: [], excludeTypes: [], fromId: null };

export async function clearNotifications({ shards }: Database, accountId: AccountId): Promise<void> {
  await shards.of(accountId).db.deleteFrom("notifications").where("account_id", "=", accountId).execute();
}

export async function dismissNotification(
  { shards }: Database,
  accountId: AccountId,
  id: NotificationId,
): Promise<boolean> {
  const { numDeletedRows } = await shards
    .of(accountId)
    .db.deleteFrom("notifications")
    .where("account_id", "=", accountId)
    .where("id", "=", id)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

export interface Marker {
  readonly timeline: string;
  readonly last_read_id: string;
  readonly version: number;
  readonly updated_at: Date;
}

export async function markersOf(
  db: Db,
  accountId: AccountId,
  timelines: readonly string[],
): Promise<Marker[]> {
  const { rows } = await sql<Marker>`select timeline, last_read_id, version, updated_at from markers
    where account_id = ${accountId} and timeline = any(${[...timelines]}::text[])`.execute(db);
  return rows;
}

export async function setMarker(
  db: Db,
  accountId: AccountId,
  timeline: string,
  lastReadId: bigint,
): Promise<Marker> {
  const { rows } = await sql<Marker>`
    insert into markers (account_id, timeline, last_read_id) values (${accountId}, ${timeline}, ${`${lastReadId}`})
    on conflict (account_id, timeline) do update set
      last_read_id = excluded.last_read_id, version = markers.version + 1, updated_at = now()
    returning timeline, last_read_id, version, updated_at`.execute(db);
  return rows[0] as Marker;
}

async function onlyShown(
  db: Db,
  accountId: AccountId,
  rows: readonly NotificationRow[],
): Promise<NotificationRow[]> {
  const found = await sql<{ from_account_id: AccountId }>`
    select n.from_account_id from unnest(${rows.map((row) => row.from_account_id)}::bigint[]) as n (from_account_id)
    where ${shown(accountId)}`.execute(db);
  const shownIds = new Set(found.rows.map((row) => row.from_account_id));
  return rows.filter((row) => shownIds.has(row.from_account_id));
}

function shown(accountId: AccountId): RawBuilder<unknown> {
  return sql`not exists (select 1 from blocks b where b.account_id = ${accountId} and b.target_id = n.from_account_id)
    and not exists (select 1 from blocks b where b.account_id = n.from_account_id and b.target_id = ${accountId})
    and not exists (select 1 from mutes m where m.account_id = ${accountId} and m.target_id = n.from_account_id
      and m.hide_notifications and (m.expires_at is null or m.expires_at > now()))
    and exists (select 1 from accounts a where a.id = n.from_account_id and a.suspended_at is null)`;
}
