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
   * `handle` has resolved; when it rejects, the batch is given again after a pause that grows: for ever while an engine
   * is out of reach, else until the records that are to blame are found and put to the dead letters (`patience.ts`).
   * Consumers of one group share its records, also those in other processes; what one had when it was lost, another
   * is given again.
   */
  consume(options: ConsumeOptions): Promise<Consumer>;

  /** What a group hasn't consumed of a topic, whoever consumes for it. */
  lag(topic: string, group: string): Promise<Lag>;

  /**
   * Notes what a topic holds now; what it resolves to tells, as often as it's asked, whether the group has handled all
   * of that. Of changes: those that had begun when it was noted, too.
   */
  checkpoint(topic: string, group: string): Promise<() => Promise<boolean>>;

  /** Says that the topic may have got records, so that its consumers look soon. A hint; losing it costs a poll. */
  wake(topic: string): void;

  /** Records that no attempt could handle. */
  readonly deadLetters: DeadLetters;
}

/** The log in the databases of the changes themselves. */
export interface Outbox extends EventLog {
  /** Deletes what every group of its topic, or each of `groups`, has consumed some time ago. */
  trim(groups?: readonly string[] | null): Promise<void>;
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
  /** Payloads parsed, oldest first, and the key of each. */
  readonly handle: (payloads: readonly unknown[], keys: readonly bigint[]) => Promise<void>;
}

export interface Consumer extends AsyncDisposable {
  lag(): Promise<Lag>;
}

/** What a group has not consumed yet of a topic. */
export interface Lag {
  readonly records: number;
  /** Age of the oldest of them; 0 when there are none. */
  readonly oldestAgeMs: number;
}

export interface DeadLetters {
  /** Oldest first. */
  list(limit: number): Promise<DeadLetter[]>;
  find(id: string): Promise<DeadLetter | null>;
  /** Publishes it to its topic again, for all groups; it is no dead letter then. False when there is none. */
  requeue(id: string): Promise<boolean>;
  /** Forgets it. False when there is none. */
  discard(id: string): Promise<boolean>;
}

export interface DeadLetter extends LogRecord {
  readonly id: string;
  readonly topic: string;
  readonly group: string;
  /** Where in the topic it was. */
  readonly place: string;
  /** What its handler said at last. */
  readonly error: string;
  readonly failedAt: Date;
}
