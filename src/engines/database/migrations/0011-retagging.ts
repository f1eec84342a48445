import { type Kysely, sql } from "kysely";

/**
 * How far this database's posts have been looked through for hashtags by the rules of now. Rules 1 are those of the
 * versions before this table.
 */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table retagging (
     only_row boolean primary key default true check (only_row),
     rules smallint not null default 1,
     lap smallint not null default 1,
     status_id bigint not null default 0,
     began_at timestamptz not null default now(),
     ended_at timestamptz
   )`,
  "insert into retagging default values",
];
