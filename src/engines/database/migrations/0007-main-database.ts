import { type Kysely, sql } from "kysely";

/** Which Roost a database holds shards of: the identity of its main database; null on that one itself. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql.raw("alter table database_identity add column main_id uuid").execute(db);
}
