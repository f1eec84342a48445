import { type RawBuilder, sql } from "kysely";
import type { AccountId, NotificationId, StatusId } from "../core/ids.ts";
import type { Page } from "../core/page.ts";
import type { Db } from "../engines/database/pools.ts";
import type { NotificationType } from "./notify.ts";

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

/** Newest first; those from accounts that are blocked, muted or suspended by now are left out. */
export async function pageOfNotifications(
  db: Db,
  accountId: AccountId,
  page: Page,
  filter: NotificationFilter,
): Promise<NotificationRow[]> {
  const upwards = page.edge === "oldest";
  const { rows } = await sql<NotificationRow>`
    select n.id, n.type, n.from_account_id, n.status_id, n.created_at from notifications n
    where n.account_id = ${accountId} and ${shown(accountId)}
      and ${page.before === null ? sql`true` : sql`n.id < ${page.before}`}
      and ${page.after === null ? sql`true` : sql`n.id > ${page.after}`}
      and ${filter.types.length === 0 ? sql`true` : sql`n.type = any(${[...filter.types]}::text[])`}
      and ${filter.excludeTypes.length === 0 ? sql`true` : sql`n.type <> all(${[...filter.excludeTypes]}::text[])`}
      and ${filter.fromId === null ? sql`true` : sql`n.from_account_id = ${filter.fromId}`}
    order by n.id ${upwards ? sql`asc` : sql`desc`} limit ${page.limit}`.execute(db);
  return upwards ? rows.reverse() : rows;
}

export async function findNotification(
  db: Db,
  accountId: AccountId,
  id: NotificationId,
): Promise<NotificationRow | null> {
  const { rows } = await sql<NotificationRow>`
    select id, type, from_account_id, status_id, created_at from notifications n
    where n.account_id = ${accountId} and n.id = ${id} and ${shown(accountId)}`.execute(db);
  return rows[0] ?? null;
}

/** How many came after `lastReadId`, at most `limit`. */
export async function countUnread(
  db: Db,
  accountId: AccountId,
  lastReadId: bigint,
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (
      select 1 from notifications n where n.account_id = ${accountId} and n.id > ${lastReadId} and ${shown(accountId)}
      limit ${limit}) unread`.execute(db);
  return rows[0]?.count ?? 0;
}

export async function clearNotifications(db: Db, accountId: AccountId): Promise<void> {
  await db.deleteFrom("notifications").where("account_id", "=", accountId).execute();
}

export async function dismissNotification(
  db: Db,
  accountId: AccountId,
  id: NotificationId,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("notifications")
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

function shown(accountId: AccountId): RawBuilder<unknown> {
  return sql`not exists (select 1 from blocks b where b.account_id = ${accountId} and b.target_id = n.from_account_id)
    and not exists (select 1 from mutes m where m.account_id = ${accountId} and m.target_id = n.from_account_id
      and m.hide_notifications and (m.expires_at is null or m.expires_at > now()))
    and exists (select 1 from accounts a where a.id = n.from_account_id and a.suspended_at is null)`;
}
