import { type Kysely, sql } from "kysely";

/**
 * Files of the media store that go at a time. Files of posts are listed beside their rows, with an account; avatars and
 * headers in the main database, without one, so that moving shards leaves them where they are.
 */
export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table expiring_files (
     key text primary key,
     account_id bigint,
     media_id bigint,
     expires_at timestamptz not null,
     claimed_until timestamptz
   )`,
  "create index expiring_files_expires on expiring_files (expires_at)",
  // The status whose history shows a medium that an edit has taken away.
  "alter table media_attachments add column history_status_id bigint",
];
