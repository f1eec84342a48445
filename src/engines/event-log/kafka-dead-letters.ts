/**
 * Dead letters as a topic of their own, which is compacted: a letter lies under its id, and a record without a value
 * under the same id takes it out. Its id says where the record was and for whom, so that one that is buried twice, as
 * a commit after it was lost, is one.
 */
import { sleep } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";
import { DEAD_LETTERS_TOPIC, decodeDeadLetter, encodeDeadLetter } from "./dead-letters.ts";
import { KafkaReader, type KafkaRecord, type KafkaTopics, unavailable } from "./kafka-client.ts";
import type { ConsumeOptions, DeadLetter, DeadLetters, LogRecord } from "./port.ts";

const BYTES_MAX = 1_048_576;
const WAIT_MS = 100;
/** Partitions without a leader give nothing, for a moment or for long. */
const IDLE_ROUNDS_MAX = 20;

export class KafkaDeadLetters implements DeadLetters {
  readonly #topics: KafkaTopics;
  readonly #write: (topic: string, key: string, value: string | null) => Promise<void>;
  readonly #publish: (topic: string, record: LogRecord) => Promise<void>;

  constructor(options: {
    topics: KafkaTopics;
    write: (topic: string, key: string, value: string | null) => Promise<void>;
    publish: (topic: string, record: LogRecord) => Promise<void>;
  }) {
    this.#topics = options.topics;
    this.#write = options.write;
    this.#publish = options.publish;
  }

  async add(
    { topic, group }: Pick<ConsumeOptions, "topic" | "group">,
    record: KafkaRecord,
    error: Error,
    nowMs: number,
  ): Promise<void> {
    await this.#ensure();
    const { partition, offset, key, value } = record;
    const letter = encodeDeadLetter({
      topic,
      group,
      place: `partition ${partition}, offset ${offset}`,
      key: /^-?\d+$/.test(key) ? BigInt(key) : 0n,
      payload: value ?? "null",
      error: error.message,
      failedAt: new Date(nowMs),
    });
    await this.#write(DEAD_LETTERS_TOPIC, `${group}.${topic}.${partition}.${offset}`, letter);
  }

  async list(limit: number): Promise<DeadLetter[]> {
    return (await this.#all()).slice(0, limit);
  }

  async find(id: string): Promise<DeadLetter | null> {
    return (await this.#all()).find((letter) => letter.id === id) ?? null;
  }

  async requeue(id: string): Promise<boolean> {
    const letter = await this.find(id);
    if (!letter) return false;
    // In this order: one that is published and not yet taken out may be requeued twice, never lost.
    await this.#publish(letter.topic, letter);
    await this.#write(DEAD_LETTERS_TOPIC, id, null);
    return true;
  }

  async discard(id: string): Promise<boolean> {
    if (!(await this.find(id))) return false;
    await this.#write(DEAD_LETTERS_TOPIC, id, null);
    return true;
  }

  async #ensure(): Promise<void> {
    await this.#topics.ensure(DEAD_LETTERS_TOPIC, { "cleanup.policy": "compact" });
  }

  /** Oldest first. */
  async #all(): Promise<DeadLetter[]> {
    await this.#ensure();
    const bounds = await this.#topics.bounds(DEAD_LETTERS_TOPIC);
    const positions = new Map(bounds.map(({ first }, partition) => [partition, first]));
    const letters = new Map<string, DeadLetter>();
    await using reader = new KafkaReader(this.#topics.options, this.#topics.nameOf(DEAD_LETTERS_TOPIC));
    try {
      for (let idle = 0; ; idle++) {
        const unread = [...positions.keys()].filter((i) => (positions.get(i) ?? 0n) < (bounds[i]?.end ?? 0n));
        if (unread.length === 0) break;
        if (idle === IDLE_ROUNDS_MAX) throw new Unavailable("some dead letters can't be read now");
        if (idle > 0) await sleep(WAIT_MS);
        for (const [node, partitions] of await reader.leaders(unread)) {
          const offsets = new Map(partitions.map((partition) => [partition, positions.get(partition) ?? 0n]));
          const found = await reader.fetch(node, offsets, { waitMs: WAIT_MS, partitionBytesMax: BYTES_MAX });
          for (const { partition, records, next } of found) {
            idle = -1;
            positions.set(partition, next);
            for (const { key, value } of records) {
              if (value === null) letters.delete(key);
              else letters.set(key, decodeDeadLetter(key, JSON.parse(value)));
            }
          }
        }
      }
    } catch (error) {
      throw unavailable(this.#topics.options, error);
    }
    return [...letters.values()].sort((a, b) => a.failedAt.getTime() - b.failedAt.getTime());
  }
}
