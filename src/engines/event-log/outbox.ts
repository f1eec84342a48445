import { sql } from "kysely";
import { type DomainEvent, encodeRecord } from "../../core/events.ts";
import type { Db } from "../database/pools.ts";

export const EVENTS_TOPIC = "events";

/** Writes the event with the caller's transaction: both are there or neither is. `key` orders events. */
export async function appendToOutbox(tx: Db, key: bigint, event: DomainEvent): Promise<void> {
  await sql`insert into event_log (topic, key, payload)
    values (${EVENTS_TOPIC}, ${key}, ${encodeRecord(event)}::jsonb)`.execute(tx);
}
