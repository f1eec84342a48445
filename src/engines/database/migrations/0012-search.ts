/**
 * What search looks in: the words of accounts and of posts, as tsvector. Servers fill both in the background
 * (`discovery/fill-words.ts`), so a row without words is one that they have not come to yet.
 */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  "alter table accounts add column words tsvector",
  "create index accounts_words on accounts using gin (words) with (fastupdate = off)",
  "create index accounts_without_words on accounts (id) where words is null",
  // By a trigger, since servers of the version before change names, too.
  `create function forget_account_words() returns trigger language plpgsql as $$
   begin
     new.words := null;
     return new;
   end
   $$`,
  `create trigger forget_account_words before update of username, display_name on accounts for each row
     when ((old.username, old.display_name) is distinct from (new.username, new.display_name))
     execute function forget_account_words()`,
  // The most followed of all, for beginnings of names that very many have.
  "create index follow_counts_most on follow_counts (followers_count desc, account_id)",
  // A table of its own: the rows of posts, which timelines read, stay as small as they are, and are written once.
  `create table status_words (
     status_id bigint primary key,
     words tsvector
   )`,
  // Written in batches by one task. What waits in the index's list is read by every search, so the list is short.
  "create index status_words_words on status_words using gin (words) with (gin_pending_list_limit = 512)",
  "create index status_words_missing on status_words (status_id) where words is null",
  // Inserts where there are none: whoever reads the text of before, to fill them in, then finds this row in the way.
  `create function forget_status_words() returns trigger language plpgsql as $$
   begin
     insert into status_words (status_id) values (new.id) on conflict (status_id) do update set words = null;
     return null;
   end
   $$`,
  `create trigger forget_status_words after update of edited_at on statuses for each row
     execute function forget_status_words()`,
  // Posts with ids above filled_from, up to filled_to, are in status_words.
  `create table search_progress (
     only_row boolean primary key default true check (only_row),
     filled_from bigint not null,
     filled_to bigint not null
   )`,
];
