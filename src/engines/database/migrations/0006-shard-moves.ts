import { type Kysely, sql } from "kysely";

/** What moving shards needs. The triggers that call these functions are there only while shards move. */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // Counts the changes of shard_map, so that servers see at a glance whether theirs is the newest.
  `create table shard_map_version (
     only_row boolean primary key default true check (only_row),
     version bigint not null default 0
   )`,
  "insert into shard_map_version default values",
  // moving: what changes is logged. closed: nothing of theirs changes, nor does what refers to them from elsewhere.
  // gone: nothing of theirs changes.
  `create table shard_moves (
     shard smallint primary key,
     state text not null check (state in ('moving', 'closed', 'gone'))
   )`,
  `create table shard_changes (
     position bigint generated always as identity primary key,
     table_name text not null,
     a bigint not null,
     b text not null
   )`,
  `create function shard_state(id bigint) returns text language sql stable as $$
     select state from shard_moves where shard = ((id >> 12) & 1023)
   $$`,
  // Arguments: the column that says whose the row is, the columns that together name it.
  `create function shard_row_changes() returns trigger language plpgsql as $$
   declare
     versions jsonb[];
     r jsonb;
     kind int;
     ref record;
   begin
     if current_setting('roost.moves_shards', true) = 'on' then return null; end if;
     if tg_op <> 'INSERT' then versions := versions || to_jsonb(old); end if;
     if tg_op <> 'DELETE' then versions := versions || to_jsonb(new); end if;
     foreach r in array versions loop
       case shard_state((r->>tg_argv[0])::bigint)
         when 'moving' then
           insert into shard_changes (table_name, a, b)
           values (tg_table_name, (r->>tg_argv[1])::bigint, coalesce(r->>tg_argv[2], ''));
         when 'closed', 'gone' then
           raise exception 'this shard has moved to another database' using errcode = '40S01';
         else null;
       end case;
       -- Reactions to what moves, and by what moves, become those of another database, or cease to be.
       for ref in select * from (values
           ('favourites', 0, r->>'status_id', r->>'account_id'), ('statuses', 1, r->>'reblog_of_id', r->>'id'),
           ('statuses', 2, r->>'in_reply_to_id', r->>'id'),
           ('remote_reactions', (r->>'kind')::int, r->>'status_id', r->>'source_id')) as v (name, kind, parent, source)
         where name = tg_table_name and parent is not null loop
         if tg_table_name = 'remote_reactions' and shard_state(ref.source::bigint) = 'closed' then
           raise exception 'this shard is moving to another database' using errcode = '40S01';
         end if;
         if shard_state(ref.parent::bigint) = 'moving' then
           insert into shard_changes (table_name, a, b)
           values ('reaction', ref.parent::bigint, ref.kind || ':' || ref.source);
         end if;
       end loop;
     end loop;
     return null;
   end
   $$`,
  "create index remote_reactions_source on remote_reactions (source_id)",
];
