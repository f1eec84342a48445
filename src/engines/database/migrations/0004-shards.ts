import { type Kysely, sql } from "kysely";

/**
 * Every database has all of these. `shard_map` and `shard_databases` have rows on the main database alone, and only
 * once shards were spread; `remote_reactions` has rows where statuses are reacted to from another database.
 */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Which database this is, wherever it is reached: addresses change, and two of them may be one database.
  `create table database_identity (
     only_row boolean primary key default true check (only_row),
     id uuid not null default gen_random_uuid()
   )`,
  "insert into database_identity default values",
  `create table shard_databases (
     id uuid primary key,
     address text not null
   )`,
  `create table shard_map (
     shard smallint primary key check (shard between 0 and 1023),
     database_id uuid not null references shard_databases (id)
   )`,
  // Favourites, boosts and replies that lie elsewhere. Their place in lists is that of the rows that lie here.
  `create table remote_reactions (
     status_id bigint not null,
     kind smallint not null,
     source_id bigint not null,
     id bigint not null default nextval('favourites_id_seq'),
     primary key (status_id, kind, source_id)
   )`,
  "create index remote_reactions_page on remote_reactions (status_id, kind, id)",
];
