/**
 * Numbers about the server. They are counted in the background and kept in a row, so telling them costs one small query
 * however large the server is. They are a minute old at most while a process with the role `jobs` runs.
 */
import { sql } from "kysely";
import { type AccountId, idAtMs } from "../core/ids.ts";
import type { Database, Db, StaleSource } from "../engines/database/pools.ts";

export interface ServerStatistics {
  /** Accounts that aren't suspended. */
  readonly users: number;
  /** Posts and boosts as profiles count them. */
  readonly statuses: number;
  /** Accounts that used the server in the last 7, 30 and 180 days. */
  readonly activeWeek: number;
  readonly activeMonth: number;
  readonly activeHalfYear: number;
}

export interface WeekStatistics {
  /** Monday, 00:00 UTC, in seconds since 1970. */
  readonly week: number;
  readonly statuses: number;
  readonly logins: number;
  readonly registrations: number;
}

const WEEK_MS = 7 * 86_400_000;
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_MS = 4 * 86_400_000;
const WEEKS = 12;

export async function findStatistics({ database, reading }: StaleSource): Promise<ServerStatistics> {
  const statement = sql<ServerStatistics>`
    select users::float8, statuses::float8, active_week::float8 as "activeWeek",
      active_month::float8 as "activeMonth", active_half_year::float8 as "activeHalfYear"
    from server_statistics`;
  const { rows } = await database.readStale(reading, (db) => statement.execute(db));
  return rows[0] ?? { users: 0, statuses: 0, activeWeek: 0, activeMonth: 0, activeHalfYear: 0 };
}

/** The last 12 weeks, this one first; weeks in which nothing was counted are zeros. */
export async function findWeeks(
  { database, reading }: StaleSource,
  nowMs: number,
): Promise<WeekStatistics[]> {
  const statement = sql<WeekStatistics>`
    select extract(epoch from week)::float8 as week, statuses::float8, logins::float8, registrations::float8
    from weekly_statistics order by week desc limit ${WEEKS}`;
  const { rows } = await database.readStale(reading, (db) => statement.execute(db));
  const found = new Map(rows.map((row) => [row.week, row]));
  return Array.from({ length: WEEKS }, (_, back) => {
    const week = (mondayMs(nowMs) - back * WEEK_MS) / 1_000;
    return found.get(week) ?? { week, statuses: 0, logins: 0, registrations: 0 };
  });
}

/** A run comes every minute in each process that counts. */
const JUST_NOW_SECONDS = 45;

/** Counts everything anew, unless another process has just done so: it reads whole tables. */
export async function countServerInTurn(database: Database, nowMs: number): Promise<void> {
  const { rows } = await sql`select 1 from server_statistics
    where counted_at > now() - ${JUST_NOW_SECONDS} * interval '1 second'`.execute(database.db);
  if (rows.length === 0) await countServer(database, nowMs);
}

/** Done by several processes at once, it's merely done again. */
export async function countServer(database: Database, nowMs: number): Promise<void> {
  const { db, shards } = database;
  const fromId = idAtMs(mondayMs(nowMs));
  const perShard = await shards.gather(async (shard) => {
    const { rows } = await sql<{ statuses: bigint; this_week: bigint }>`
      select (select coalesce(sum(statuses_count), 0)::bigint from author_counts) as statuses,
        (select count(*) from statuses where id >= ${fromId}) as this_week`.execute(shard.db);
    return rows;
  });
  const sum = (column: "statuses" | "this_week") =>
    perShard.reduce((total, row) => total + BigInt(row[column]), 0n);
  await sql`
    insert into server_statistics (users, statuses, active_week, active_month, active_half_year)
    select (select count(*) from accounts where suspended_at is null), ${sum("statuses")}, ${activeSince(7)},
      ${activeSince(30)}, ${activeSince(180)}
    on conflict (only_row) do update set users = excluded.users, statuses = excluded.statuses,
      active_week = excluded.active_week, active_month = excluded.active_month,
      active_half_year = excluded.active_half_year, counted_at = now()`.execute(db);
  await countWeek(db, nowMs, fromId, sum("this_week"));
}

async function countWeek(db: Db, nowMs: number, fromId: AccountId, statuses: bigint): Promise<void> {
  const monday = new Date(mondayMs(nowMs)).toISOString().slice(0, 10);
  await sql`
    insert into weekly_statistics (week, statuses, logins, registrations)
    select ${monday}::date, ${statuses},
      (select count(*) from account_activity where last_active_on >= ${monday}::date),
      (select count(*) from accounts where id >= ${fromId})
    on conflict (week) do update set statuses = excluded.statuses, logins = excluded.logins,
      registrations = excluded.registrations`.execute(db);
}

function activeSince(days: number) {
  return sql`(select count(*) from account_activity
    where last_active_on > (now() at time zone 'utc')::date - ${days}::int)`;
}

function mondayMs(nowMs: number): number {
  return nowMs - ((nowMs - FIRST_MONDAY_MS) % WEEK_MS);
}
