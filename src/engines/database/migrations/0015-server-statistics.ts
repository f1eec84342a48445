import { type Kysely, sql } from "kysely";

/** When accounts were last seen, and what is told about the server: both of the main database. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`create table account_activity (
    account_id bigint primary key,
    last_active_on date not null
  )`.execute(db);
  await sql`create index account_activity_day on account_activity (last_active_on)`.execute(db);
  await sql`create table server_statistics (
    only_row boolean primary key default true check (only_row),
    users bigint not null,
    statuses bigint not null,
    active_week bigint not null,
    active_month bigint not null,
    active_half_year bigint not null,
    counted_at timestamptz not null default now()
  )`.execute(db);
  await sql`create table weekly_statistics (
    week date primary key,
    statuses bigint not null,
    logins bigint not null,
    registrations bigint not null
  )`.execute(db);
}
