/**
 * The event log in Apache Kafka. A record's key decides its partition, so that records of one author stay in order;
 * processes that consume in one group share the partitions of its topic.
 */
import { ProduceAcks, Producer } from "@platformatic/kafka";
import type { Logger } from "pino";
import { type Clock, sleep } from "../../core/clock.ts";
import {
  clientOptions,
  closed,
  clusterOf,
  type KafkaOptions,
  KafkaTopics,
  quiet,
  unavailable,
} from "./kafka-client.ts";
import { KafkaConsumer } from "./kafka-consumer.ts";
import { KafkaDeadLetters } from "./kafka-dead-letters.ts";
import { lagOf } from "./kafka-lag.ts";
import { LONG_PATIENCE, type PatienceOptions } from "./patience.ts";
import type { ConsumeOptions, Consumer, EventLog, Lag, LogRecord } from "./port.ts";

/** Of one request to a broker. */
const BATCH_RECORDS_MAX = 500;
const BATCH_BYTES_MAX = 500_000;
/** Brokers need three or four seconds to find that one of them is gone. */
const SEND_MS_MAX = 8_000;
const SEND_PAUSE_MS = 200;

interface Waiting {
  readonly messages: readonly Message[];
  readonly done: PromiseWithResolvers<void>;
}

interface Message {
  readonly topic: string;
  readonly key: Buffer;
  readonly value: Buffer | null;
}

export interface KafkaEventLogOptions extends KafkaOptions {
  readonly log: Logger;
  readonly clock: Clock;
  readonly patience?: PatienceOptions;
  readonly onDeadLetter?: (topic: string, group: string) => void;
}

export class KafkaEventLog implements EventLog {
  readonly #topics: KafkaTopics;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #patience: PatienceOptions;
  readonly #onDeadLetter: (topic: string, group: string) => void;
  readonly #consumers = new Set<KafkaConsumer>();
  readonly #publisher: Publisher;
  readonly deadLetters: KafkaDeadLetters;

  constructor(options: KafkaEventLogOptions) {
    this.#onDeadLetter = options.onDeadLetter ?? (() => {});
    this.#patience = options.patience ?? LONG_PATIENCE;
    this.#topics = new KafkaTopics(options);
    this.#log = options.log;
    this.#clock = options.clock;
    this.#publisher = new Publisher(options);
    this.deadLetters = new KafkaDeadLetters({
      topics: this.#topics,
      write: (topic, key, value) => this.#write(topic, [{ key, value }]),
      publish: (topic, record) => this.publish(topic, [record]),
    });
  }

  /** Throws Unavailable when no broker answers as one. */
  async check(): Promise<void> {
    await clusterOf(this.#topics.options);
  }

  async publish(topic: string, records: readonly LogRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#topics.ensure(topic);
    await this.#write(
      topic,
      records.map(({ key, payload }) => ({ key: `${key}`, value: payload })),
    );
  }

  async #write(topic: string, records: readonly { key: string; value: string | null }[]): Promise<void> {
    const name = this.#topics.nameOf(topic);
    try {
      await this.#publisher.publish(
        records.map(({ key, value }) => ({
          topic: name,
          key: Buffer.from(key),
          value: value === null ? null : Buffer.from(value),
        })),
      );
    } catch (error) {
      this.#topics.forget(topic);
      throw unavailable(this.#topics.options, error);
    }
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const consumer = new KafkaConsumer({
      ...options,
      topics: this.#topics,
      log: this.#log,
      clock: this.#clock,
      patience: this.#patience,
      bury: (record, error) =>
        this.deadLetters.add(options, record, error, this.#clock.nowMs()).then(() => {
          const { topic, group } = options;
          this.#onDeadLetter(topic, group);
          const place = `partition ${record.partition}, offset ${record.offset}`;
          this.#log.error({ err: error, topic, group, place }, "an event became a dead letter");
        }),
      onStop: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  lag(topic: string, group: string): Promise<Lag> {
    return lagOf(this.#topics, group, topic, this.#clock.nowMs());
  }

  async checkpoint(topic: string, group: string): Promise<() => Promise<boolean>> {
    const bounds = await this.#topics.bounds(topic);
    return async () => {
      const committed = await this.#topics.committed(group, topic);
      return bounds.every(({ first, end }, partition) => (committed[partition] ?? first) >= end);
    };
  }

  /** A fetch waits at the brokers for records to come: there is nobody to wake. */
  wake(): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer[Symbol.asyncDispose]()));
    await this.#publisher[Symbol.asyncDispose]();
    await this.#topics[Symbol.asyncDispose]();
  }
}

/**
 * One request at a time, with everything that came while the one before was under way: many small ones become few
 * large ones, about a hundred times as many records a second, and what was published first lies first.
 */
class Publisher implements AsyncDisposable {
  readonly #producer: Producer;
  #queue: Waiting[] = [];
  #sending: Promise<void> | null = null;
  readonly #closing = new AbortController();

  constructor(options: KafkaOptions) {
    // The idempotent producer numbers its batches: one that is sent again, as its answer was lost, is there once.
    this.#producer = quiet(new Producer({ ...clientOptions(options), idempotent: true }));
  }

  publish(messages: readonly Message[]): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#queue.push({ messages, done });
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
    });
    return done.promise;
  }

  async #send(): Promise<void> {
    while (this.#queue.length > 0) {
      const waiting = this.#queue;
      this.#queue = [];
      const messages = waiting.flatMap((entry) => entry.messages);
      try {
        for (const batch of batchesOf(messages)) await this.#sendBatch(batch);
        for (const { done } of waiting) done.resolve();
      } catch (error) {
        for (const { done } of waiting) done.reject(error);
      }
    }
  }

  /** A change of leaders is waited for: what many publish would fail, and be done again by each of them. */
  async #sendBatch(messages: (Message & { value: Buffer })[]): Promise<void> {
    const deadlineMs = performance.now() + SEND_MS_MAX;
    for (;;) {
      try {
        // `acks` is taken from here only: what the producer was made with is not looked at.
        await this.#producer.send({ messages, acks: ProduceAcks.ALL, idempotent: true });
        return;
      } catch (error) {
        this.#producer.clearMetadata();
        if (this.#closing.signal.aborted || performance.now() > deadlineMs) throw error;
        await sleep(SEND_PAUSE_MS, this.#closing.signal);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort("closing");
    await this.#sending;
    await closed(this.#producer.close());
  }
}

function* batchesOf(messages: readonly Message[]): Generator<(Message & { value: Buffer })[]> {
  let batch: (Message & { value: Buffer })[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = message.key.length + (message.value?.length ?? 0);
    if (batch.length === BATCH_RECORDS_MAX || (batch.length > 0 && bytes + size > BATCH_BYTES_MAX)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(message as Message & { value: Buffer });
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
