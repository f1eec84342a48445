/**
 * An append-only log in topics. Records of one key are handled in order; each is handled at least once by each
 * consumer group, so handlers must be idempotent. Changes of state write their events with `outbox.ts`, in their own
 * transaction; what is derived from events is published here.
 */
export interface EventLog extends AsyncDisposable {
  /** Durable when it resolves. */
  publish(topic: string, records: readonly LogRecord[]): Promise<void>;

  /**
   * Calls `handle` with batches, one after another, until the consumer is disposed. A batch counts as consumed once
   * `handle` has resolved; when it rejects, the batch is given again after a pause that grows.
   */
  consume(options: ConsumeOptions): Promise<Consumer>;

  /** Says that the topic may have got records, so that its consumers look soon. A hint; losing it costs a poll. */
  wake(topic: string): void;
}

export interface LogRecord {
  readonly key: bigint;
  /** JSON text. */
  readonly payload: string;
}

export interface ConsumeOptions {
  readonly topic: string;
  readonly group: string;
  readonly maxRecords: number;
  /** Payloads parsed, oldest first. */
  readonly handle: (payloads: readonly unknown[]) => Promise<void>;
}

export interface Consumer extends AsyncDisposable {
  /** Records not yet consumed, and the age of the oldest of them. */
  lag(): Promise<{ records: number; oldestAgeMs: number }>;
}
