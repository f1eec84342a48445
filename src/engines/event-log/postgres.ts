import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Logger } from "pino";
import { type Clock, sleep } from "../../core/clock.ts";
import type { Database } from "../database/pools.ts";
import { LONG_PATIENCE, Patience, type PatienceOptions } from "./patience.ts";
import type { ConsumeOptions, Consumer, Lag, LogRecord, Outbox } from "./port.ts";
import { PostgresDeadLetters } from "./postgres-dead-letters.ts";
import { type Offset, OffsetLease } from "./postgres-lease.ts";

const POLL_MS = 200;
/** Records that other processes write wake nobody here: a look is cheaper than a NOTIFY in each of their commits. */
const SHARED_POLL_MS = 20;
/** Between two looks whether the place of the group's reader has become free. */
const STAND_BY_MS = 1_000;
/**
 * At the least so long between two looks. Under load, records of that time share one look, one commit of the offset,
 * and the work of their handler; it's also how soon records are looked for again that a running transaction hides.
 */
const PACE_MS = 4;
/** The same when a look found many: they come fast, so the next look serves more of them for the same work. */
const BUSY_PACE_MS = 20;
const BUSY_FROM_RECORDS = 16;
const RETRY_MS_MAX = 5_000;
/** Consumed records are kept this long for a look at what happened, then deleted. */
const RETENTION_MS = 10 * 60_000;

/** What a look found: the offset after the records consumed, or whether some wait behind a running transaction. */
interface Batch {
  consumed: Offset | null;
  hidden: boolean;
  records: number;
  /** Another consumer of the group has taken over. */
  isLost?: boolean;
}

export interface LogRow {
  // Not named as the column: "order by" would take the text for it, and text sorts 9 after 10.
  transaction: string;
  position: bigint;
  key: bigint;
  payload: unknown;
  settled: boolean;
}

export interface PostgresEventLogOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly clock: Clock;
  /** No other process consumes from this database. */
  readonly isAlone: boolean;
  readonly patience?: PatienceOptions;
  readonly onDeadLetter?: (topic: string, group: string) => void;
}

/**
 * The log as a table, read by position. A reader sees records of transactions older than every running one only, so
 * none can commit behind its offset; order is (transaction id, position), which keeps commits of one author in order
 * since each starts after the one before it was acknowledged. Offsets are committed after the effect.
 */
export class PostgresEventLog implements Outbox {
  readonly #database: Database;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #isAlone: boolean;
  readonly #onDeadLetter: (topic: string, group: string) => void;
  readonly #patience: PatienceOptions;
  readonly #consumers = new Set<PostgresConsumer>();
  readonly deadLetters: PostgresDeadLetters;

  constructor(options: PostgresEventLogOptions) {
    this.#isAlone = options.isAlone;
    this.#onDeadLetter = options.onDeadLetter ?? (() => {});
    this.#patience = options.patience ?? LONG_PATIENCE;
    this.#database = options.database;
    this.#log = options.log;
    this.#clock = options.clock;
    this.deadLetters = new PostgresDeadLetters(options.database, (topic, records) =>
      this.publish(topic, records),
    );
  }

  async publish(topic: string, records: readonly LogRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#database.prepared(
      "event_log_publish",
      `insert into event_log (topic, key, payload)
       select $1, key, payload from unnest($2::bigint[], $3::jsonb[]) as r (key, payload)`,
      [topic, records.map((record) => record.key), records.map((record) => record.payload)],
    );
    this.wake(topic);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const consumer = new PostgresConsumer({
      ...options,
      database: this.#database,
      log: this.#log,
      clock: this.#clock,
      isAlone: this.#isAlone,
      patience: this.#patience,
      bury: async (row, error) => {
        const { topic, group } = options;
        await this.deadLetters.add(options, row, error, this.#clock.nowMs());
        this.#onDeadLetter(topic, group);
        this.#log.error(
          { err: error, topic, group, position: `${row.position}` },
          "an event became a dead letter",
        );
      },
      onStop: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  lag(topic: string, group: string): Promise<Lag> {
    const options = { database: this.#database, clock: this.#clock, topic, group };
    return lagOf(new OffsetLease({ ...options, holder: "", isAlone: false }), options);
  }

  async checkpoint(topic: string, group: string): Promise<() => Promise<boolean>> {
    const { db } = this.#database;
    const { rows } = await sql<{ next: string }>`
      select pg_snapshot_xmax(pg_current_snapshot())::text as next`.execute(db);
    const next = rows[0]?.next ?? "";
    const lease = new OffsetLease({ database: this.#database, topic, group, holder: "", isAlone: false });
    return async () => {
      // What had begun may still write events: until all of it has ended, none of those is missed.
      const offset = await lease.read();
      const { rows } = await sql<{ handled: boolean }>`
        select pg_snapshot_xmin(pg_current_snapshot()) >= ${next}::xid8 and not exists (
          select from event_log where topic = ${topic} and transaction_id < ${next}::xid8
            and (transaction_id, position) > (${offset.transactionId}::xid8, ${offset.position})) as handled`.execute(
        db,
      );
      return rows[0]?.handled ?? false;
    };
  }

  wake(topic: string): void {
    for (const consumer of this.#consumers) if (consumer.topic === topic) consumer.wake();
  }

  /**
   * Deletes what every group of its topic has consumed and is older than the retention; every one of `groups`, where
   * others consumed at another time and never will again.
   */
  async trim(groups: readonly string[] | null = null): Promise<void> {
    await sql`delete from event_log e
      using (select distinct on (topic) topic, transaction_id from event_offsets
        where ${groups}::text[] is null or consumer_group = any(${groups}::text[])
        order by topic, transaction_id) o
      where e.topic = o.topic and e.transaction_id < o.transaction_id
        and e.created_at < now() - ${RETENTION_MS} * interval '1 millisecond'`.execute(this.#database.db);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer[Symbol.asyncDispose]()));
  }
}

interface ConsumerOptions extends ConsumeOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly clock: Clock;
  readonly isAlone: boolean;
  readonly patience: PatienceOptions;
  readonly bury: (row: LogRow, error: Error) => Promise<void>;
  readonly onStop: () => void;
}

class PostgresConsumer implements Consumer {
  readonly #options: ConsumerOptions;
  readonly #stopping = new AbortController();
  readonly #patience: Patience;
  readonly #lease: OffsetLease;
  readonly #running: Promise<void>;
  #woken = new AbortController();

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#patience = new Patience(options.patience);
    this.#lease = new OffsetLease({ ...options, holder: randomUUID() });
    this.#running = this.#run();
  }

  get topic(): string {
    return this.#options.topic;
  }

  wake(): void {
    // With a reason of its own: the default one is an exception, made with its stack each time.
    this.#woken.abort("woken");
  }

  lag(): Promise<Lag> {
    return lagOf(this.#lease, this.#options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort("stopping");
    // With a reason of its own: the default one is an exception, made with its stack each time.
    this.#woken.abort("woken");
    await this.#running;
    // If this fails, the place is free a little later.
    await this.#lease.release().catch(() => {});
    this.#options.onStop();
  }

  async #run(): Promise<void> {
    let offset: Offset | null = null;
    const pollMs = this.#options.isAlone ? POLL_MS : SHARED_POLL_MS;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      // Renewed before the look, so that a wake during the look isn't lost.
      this.#woken = new AbortController();
      try {
        offset ??= await this.#lease.acquire();
        if (!offset) {
          await sleep(STAND_BY_MS, this.#stopping.signal);
          continue;
        }
        const batch: Batch = await this.#consumeBatch(offset);
        failures = 0;
        offset = batch.isLost || !(await this.#lease.renewIfDue()) ? null : (batch.consumed ?? offset);
        if (batch.isLost) continue;
        if (!batch.consumed && !batch.hidden) await sleep(pollMs, this.#woken.signal);
        // As many as asked for: more may be waiting.
        if (batch.records === this.#options.maxRecords) continue;
        await sleep(batch.records < BUSY_FROM_RECORDS ? PACE_MS : BUSY_PACE_MS, this.#stopping.signal);
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        failures++;
        const pauseMs = Math.min(RETRY_MS_MAX, 50 * 2 ** failures);
        const { topic, group, log } = this.#options;
        log.warn(
          { err: error, topic, group, failures, pauseMs },
          "events could not be read; it's tried again",
        );
        await sleep(pauseMs, this.#stopping.signal);
      }
    }
  }

  async #consumeBatch(offset: Offset): Promise<Batch> {
    const { topic, group, maxRecords, handle, database, log, bury } = this.#options;
    const rows = await database.prepared<LogRow>(
      "event_log_read",
      `select transaction_id::text as transaction, position, key, payload,
         transaction_id < pg_snapshot_xmin(pg_current_snapshot()) as settled
       from event_log where topic = $1 and (transaction_id, position) > ($2::xid8, $3)
       order by transaction_id, position limit $4`,
      [topic, offset.transactionId, offset.position, maxRecords],
    );
    const unsettled = rows.findIndex((row) => !row.settled);
    const settled = unsettled === -1 ? rows : rows.slice(0, unsettled);
    const last = settled.at(-1);
    if (!last) return { consumed: null, hidden: rows.length > 0, records: 0 };
    const isHandled = await this.#patience.consume({
      records: settled,
      handle: (some) =>
        handle(
          some.map((row) => row.payload),
          some.map((row) => row.key),
        ),
      bury,
      signal: this.#stopping.signal,
      onFailure: (err, failures, pauseMs) =>
        log.warn({ err, topic, group, failures, pauseMs }, "a batch of events failed; it's tried again"),
    });
    if (!isHandled) return { consumed: null, hidden: false, records: 0 };
    const consumed = { transactionId: last.transaction, position: last.position };
    const isOurs = await this.#lease.commit(consumed);
    if (!isOurs) log.warn({ topic, group }, "another process consumes now; what was under way is done again");
    return { consumed, hidden: false, records: rows.length, isLost: !isOurs };
  }
}

async function lagOf(
  lease: OffsetLease,
  { topic, database, clock }: { topic: string; database: Database; clock: Clock },
): Promise<Lag> {
  const offset = await lease.read();
  const { rows } = await sql<{ records: number; oldest: Date | null }>`
    select count(*)::int as records, min(created_at) as oldest from event_log
    where topic = ${topic}
      and (transaction_id, position) > (${offset.transactionId}::xid8, ${offset.position})`.execute(
    database.db,
  );
  const oldest = rows[0]?.oldest;
  return {
    records: rows[0]?.records ?? 0,
    oldestAgeMs: oldest ? Math.max(0, clock.nowMs() - oldest.getTime()) : 0,
  };
}
