import { type Kysely, sql } from "kysely";

/** Which consumer reads for a group, and until when, should it not be heard of again. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table event_offsets
    add column holder text,
    add column held_until timestamptz not null default now()`.execute(db);
}
