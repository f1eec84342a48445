import { type Kysely, sql } from "kysely";

/**
 * Direct posts count nowhere, and on a status only reactions that everybody may see. Reactions from other databases
 * that don't count are kept all the same. What an older version has counted, or left when its cause was undone, is put
 * right in the background, up to what is written a day from now: so long that version may go on beside this one.
 */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  "alter table remote_reactions add column is_counted boolean not null default true",
  // By ids of what was looked at; one place for all databases, so that shards may move meanwhile. Where nobody has been
  // before, nothing is to be done.
  `create table recount_progress (
     what text primary key,
     done_to bigint not null default 0,
     ends_at bigint not null
   )`,
  `insert into recount_progress (what, ends_at)
   select what, (floor(date_part('epoch', clock_timestamp() + interval '1 day') * 1000)::bigint - 1420070400000) << 22
   from unnest(array['statuses', 'notifications']) as w (what)
   where exists (select 1 from accounts)`,
];
