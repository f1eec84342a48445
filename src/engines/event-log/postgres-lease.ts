/**
 * A group's place in a topic of the log in PostgreSQL, held by one consumer at a time. Several processes may consume in
 * one group: one reads, the others stand by. The place is held until a time by the database's clock, so that a holder
 * that was killed or frozen gives way; one that comes back finds at its next commit that it holds nothing any more, and
 * what it handled meanwhile is handled again by the new holder. A commit is the proof: nothing is lost between holders.
 */
import { sql } from "kysely";
import type { Database } from "../database/pools.ts";

export interface Offset {
  readonly transactionId: string;
  readonly position: bigint;
}

/** How long a holder that isn't heard of keeps its place. */
const HELD_MS = 10_000;
const RENEW_MS = 3_000;

export class OffsetLease {
  readonly #database: Database;
  readonly #group: string;
  readonly #topic: string;
  readonly #holder: string;
  /** No other process consumes here: who holds the place is one that has ended, and isn't waited for. */
  readonly #isAlone: boolean;
  #renewedAtMs = 0;

  constructor(options: {
    database: Database;
    group: string;
    topic: string;
    holder: string;
    isAlone: boolean;
  }) {
    this.#database = options.database;
    this.#group = options.group;
    this.#topic = options.topic;
    this.#holder = options.holder;
    this.#isAlone = options.isAlone;
  }

  /** Where to go on; null while another consumer reads for the group. */
  async acquire(): Promise<Offset | null> {
    const [row] = await this.#database.prepared<{ transaction: string; position: bigint }>(
      "event_lease_acquire",
      `insert into event_offsets as o (consumer_group, topic, transaction_id, position, holder, held_until)
       values ($1, $2, '0'::xid8, 0, $3, now() + $4 * interval '1 millisecond')
       on conflict (consumer_group, topic)
       do update set holder = excluded.holder, held_until = excluded.held_until
       where $5 or o.holder is null or o.holder = excluded.holder or o.held_until < now()
       returning transaction_id::text as transaction, position`,
      [this.#group, this.#topic, this.#holder, HELD_MS, this.#isAlone],
    );
    this.#renewedAtMs = performance.now();
    return row ? { transactionId: row.transaction, position: row.position } : null;
  }

  /**
   * Everything up to there is consumed; false when the place is another's by now. Without waiting for the disk: losing
   * the last of them repeats records, nothing else.
   */
  async commit({ transactionId, position }: Offset): Promise<boolean> {
    const rows = await this.#database.prepared(
      "event_offset_commit",
      `with relaxed as (select set_config('synchronous_commit', 'off', true))
       update event_offsets set transaction_id = $4::xid8, position = $5, updated_at = now(),
         held_until = now() + $6 * interval '1 millisecond'
       from relaxed where consumer_group = $1 and topic = $2 and holder = $3
       returning 1 as ours`,
      [this.#group, this.#topic, this.#holder, transactionId, position, HELD_MS],
    );
    this.#renewedAtMs = performance.now();
    return rows.length > 0;
  }

  /** To be called between batches; false when the place is another's by now. */
  async renewIfDue(): Promise<boolean> {
    if (this.#isAlone || performance.now() - this.#renewedAtMs < RENEW_MS) return true;
    const rows = await this.#database.prepared(
      "event_lease_renew",
      `with relaxed as (select set_config('synchronous_commit', 'off', true))
       update event_offsets set held_until = now() + $4 * interval '1 millisecond'
       from relaxed where consumer_group = $1 and topic = $2 and holder = $3
       returning 1 as ours`,
      [this.#group, this.#topic, this.#holder, HELD_MS],
    );
    this.#renewedAtMs = performance.now();
    return rows.length > 0;
  }

  /** So that another needn't wait. */
  async release(): Promise<void> {
    await sql`update event_offsets set holder = null
      where consumer_group = ${this.#group} and topic = ${this.#topic} and holder = ${this.#holder}`.execute(
      this.#database.db,
    );
  }

  /** Whoever holds the place. */
  async read(): Promise<Offset> {
    const { rows } = await sql<{ transaction_id: string; position: bigint }>`
      select transaction_id::text, position from event_offsets
      where consumer_group = ${this.#group} and topic = ${this.#topic}`.execute(this.#database.db);
    const [row] = rows;
    return row
      ? { transactionId: row.transaction_id, position: row.position }
      : { transactionId: "0", position: 0n };
  }
}
