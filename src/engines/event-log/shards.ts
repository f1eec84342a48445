/**
 * The logs of several databases as one. Each database has the outbox of its own changes, so a consumer of a topic is
 * one consumer in each; what is published goes to the database of its key, so that records of a key keep their order.
 */
import { invariant } from "../../core/errors.ts";
import type { Database } from "../database/pools.ts";
import type { ConsumeOptions, Consumer, DeadLetter, DeadLetters, Lag, LogRecord, Outbox } from "./port.ts";
import { PostgresEventLog, type PostgresEventLogOptions } from "./postgres.ts";

/** The outbox of one database or of several, the main one first. */
export function outboxOf(
  databases: readonly Database[],
  options: Omit<PostgresEventLogOptions, "database">,
): Outbox {
  const logs = new Map(
    databases.map((database) => [database, new PostgresEventLog({ ...options, database })] as const),
  );
  const [[main, only] = []] = logs;
  invariant(main && only, "there is always a main database");
  return logs.size === 1 ? only : new ShardedEventLog(main, logs);
}

class ShardedEventLog implements Outbox {
  readonly #logs: ReadonlyMap<Database, Outbox>;
  readonly #main: Database;
  readonly deadLetters: DeadLetters;

  /** Of every database there is, the main one first; disposes of them. */
  constructor(main: Database, logs: ReadonlyMap<Database, Outbox>) {
    this.#main = main;
    this.#logs = logs;
    this.deadLetters = new ShardedDeadLetters([...logs.values()].map((log) => log.deadLetters));
  }

  async publish(topic: string, records: readonly LogRecord[]): Promise<void> {
    const { shards } = this.#main;
    for (const [database, own] of Map.groupBy(records, ({ key }) => shards.of(key)))
      await this.#logs.get(database)?.publish(topic, own);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const consumers = await this.#each((log) => log.consume(options));
    return {
      lag: async () => together(await Promise.all(consumers.map((consumer) => consumer.lag()))),
      [Symbol.asyncDispose]: async () => {
        await Promise.all(consumers.map((consumer) => consumer[Symbol.asyncDispose]()));
      },
    };
  }

  async lag(topic: string, group: string): Promise<Lag> {
    return together(await this.#each((log) => log.lag(topic, group)));
  }

  async checkpoint(topic: string, group: string): Promise<() => Promise<boolean>> {
    const all = await this.#each((log) => log.checkpoint(topic, group));
    return async () => (await Promise.all(all.map((isHandled) => isHandled()))).every(Boolean);
  }

  wake(topic: string): void {
    for (const log of this.#logs.values()) log.wake(topic);
  }

  async trim(groups: readonly string[] | null = null): Promise<void> {
    await this.#each((log) => log.trim(groups));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#each(async (log) => log[Symbol.asyncDispose]());
  }

  #each<T>(work: (log: Outbox) => Promise<T>): Promise<T[]> {
    return Promise.all([...this.#logs.values()].map(work));
  }
}

function together(lags: readonly Lag[]): Lag {
  return {
    records: lags.reduce((sum, lag) => sum + lag.records, 0),
    oldestAgeMs: Math.max(0, ...lags.map((lag) => lag.oldestAgeMs)),
  };
}

/** An id is the database's place among them, and the letter's id there; those of the main one stay as they were. */
class ShardedDeadLetters implements DeadLetters {
  readonly #all: readonly DeadLetters[];

  constructor(all: readonly DeadLetters[]) {
    this.#all = all;
  }

  async list(limit: number): Promise<DeadLetter[]> {
    const lists = await Promise.all(this.#all.map((letters) => letters.list(limit)));
    return lists
      .flatMap((letters, place) => letters.map((letter) => renamed(letter, place)))
      .sort((a, b) => a.failedAt.getTime() - b.failedAt.getTime())
      .slice(0, limit);
  }

  async find(id: string): Promise<DeadLetter | null> {
    const { place, letters, own } = this.#placeOf(id);
    const letter = await letters?.find(own);
    return letter ? renamed(letter, place) : null;
  }

  async requeue(id: string): Promise<boolean> {
    const { letters, own } = this.#placeOf(id);
    return (await letters?.requeue(own)) ?? false;
  }

  async discard(id: string): Promise<boolean> {
    const { letters, own } = this.#placeOf(id);
    return (await letters?.discard(own)) ?? false;
  }

  #placeOf(id: string): { place: number; letters: DeadLetters | undefined; own: string } {
    const [, place = "0", own = id] = /^s(\d{1,4})-(.+)$/.exec(id) ?? [];
    return { place: Number(place), letters: this.#all[Number(place)], own };
  }
}

function renamed(letter: DeadLetter, place: number): DeadLetter {
  return place === 0 ? letter : { ...letter, id: `s${place}-${letter.id}` };
}
