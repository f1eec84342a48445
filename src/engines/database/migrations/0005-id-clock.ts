/**
 * Ids that never go below those given out before when the database's clock does: a timeline is sorted by id, and
 * stored ones are appended to.
 */
import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<never>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const NOW = "((floor(date_part('epoch', clock_timestamp()) * 1000)::bigint - 1420070400000) << 22)";

const statements = [
  // The time of the last id, shifted as in ids (core/ids.ts). A sequence, since one is written at once, for all to
  // see, whatever becomes of the transaction; and it survives a crash together with each id that was committed.
  "create sequence id_clock as bigint minvalue 0",
  `select setval('id_clock', greatest(${NOW}, (select max(id) from statuses), (select max(id) from accounts)))`,
  // While the clock is behind. Time goes on by 1/512 ms an id: so id_sequence, which comes round after 4,096, never
  // does within one millisecond. One session at a time, or two would take the same step; the lock is let go before the
  // commit, and also when the statement is cancelled right there.
  `create function next_id_behind(shard int) returns bigint language plpgsql volatile parallel unsafe as $$
   declare
     id bigint;
   begin
     perform pg_advisory_lock(7071, 2);
     id := setval('id_clock', pg_sequence_last_value('id_clock') + 8192) & ~4194303::bigint
       | (shard::bigint << 12) | (nextval('id_sequence') & 4095);
     perform pg_advisory_unlock(7071, 2);
     return id;
   exception when query_canceled then
     perform pg_advisory_unlock(7071, 2);
     raise;
   end
   $$`,
  // The time is the clock's unless the last id's is later. Sessions that set it in the other order put it back by
  // microseconds, until the next id.
  //
  // One expression, without variables: only such a function becomes part of the statement that calls it. As a function
  // of its own it would cost as much as a tenth of a post.
  `create or replace function next_id(shard int) returns bigint language sql volatile parallel unsafe as $$
     select case
       when ${NOW} >= pg_sequence_last_value('id_clock')
       then setval('id_clock', ${NOW}) | (shard::bigint << 12) | (nextval('id_sequence') & 4095)
       else next_id_behind(shard) end
   $$`,
];
