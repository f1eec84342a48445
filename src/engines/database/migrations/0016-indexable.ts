import { type Kysely, sql } from "kysely";

/**
 * Whose public posts strangers don't find by searching. Until now they were found whatever `indexable` said, and that
 * was false for everybody who hadn't touched it; so who minds says so anew, and nobody disappears from search unasked.
 */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table accounts add column unindexable boolean not null default false`.execute(db);
}
