/** What the parts of the Kafka adapter share: names, connections, topics, and reading from a place. */
import { Admin, type AdminOptions, type ClusterMetadata, Consumer, ProtocolError } from "@platformatic/kafka";
import { sleep } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";

export interface KafkaOptions {
  /** host:port each. */
  readonly brokers: readonly string[];
  /** Begins the name of every topic and group. */
  readonly topicPrefix: string;
  /** Of topics that are made; 12 unless given. Records of different partitions come in no order. */
  readonly partitions?: number;
}

export interface KafkaRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: string;
  /** Null marks a key as removed, in a topic that is compacted. */
  readonly value: string | null;
}

const PARTITIONS = 12;
/** Records lie on so many brokers, if there are as many, and are acknowledged by all but one. */
const COPIES = 3;
/** A broker that is silent for longer counts as lost: the next attempt asks others who leads. By itself it's 30 s. */
const REQUEST_MS_MAX = 3_000;
const CHECK_MS_MAX = 5_000;
const NOT_KAFKA = "nothing there answers as Kafka does";
const TOPIC_READY_MS_MAX = 10_000;
const CONTROL_BATCH = 0x20;

/** For each client of the library. Retries are ours, so that each looks at what the cluster is by then. */
export function clientOptions(options: KafkaOptions): AdminOptions {
  return {
    clientId: "roost",
    bootstrapBrokers: [...options.brokers],
    timeout: REQUEST_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    connectTimeout: 2_000,
    retries: 3,
    retryDelay: 250,
    metadataMaxAge: 5_000,
  };
}

/** A sentence for what the library throws; its errors nest, and the innermost says what happened. */
export function unavailable(options: KafkaOptions, cause: unknown): Unavailable {
  if (cause instanceof Unavailable) return cause;
  return new Unavailable(
    `Kafka can't be used at ${options.brokers.join(", ")} (KAFKA_BROKERS): ${reasonOf(cause)}`,
    { cause },
  );
}

/** What happened at the bottom of it. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors.at(-1));
  if (error instanceof Error && error.cause instanceof Error) return reasonOf(error.cause);
  return error instanceof Error ? error.message : String(error);
}

/** What the brokers say of themselves. Throws Unavailable when none of them answers as Kafka does, soon. */
export async function clusterOf(options: KafkaOptions): Promise<ClusterMetadata> {
  const admin = quiet(new Admin({ ...clientOptions(options), retries: 1 }));
  const done = new AbortController();
  // What listens there may be something else, which the library asks for long.
  const silent = sleep(CHECK_MS_MAX, done.signal).then((): never => {
    throw new Error(NOT_KAFKA);
  });
  silent.catch(() => {});
  try {
    return await Promise.race([admin.metadata({ topics: [] }), silent]);
  } catch (error) {
    // What speaks another protocol hangs up. All that is to be told is in the sentence.
    const told = /connection closed/i.test(reasonOf(error)) ? new Error(NOT_KAFKA) : error;
    throw new Unavailable(unavailable(options, told).message);
  } finally {
    done.abort("checked");
    await closed(admin.close());
  }
}

/** The topics of one Roost: made when first used, measured, read. */
export class KafkaTopics implements AsyncDisposable {
  readonly options: KafkaOptions;
  readonly #admin: Admin;
  readonly #ready = new Map<string, Promise<number>>();

  constructor(options: KafkaOptions) {
    this.options = options;
    this.#admin = quiet(new Admin(clientOptions(options)));
  }

  nameOf(topic: string): string {
    return `${this.options.topicPrefix}.${topic}`;
  }

  /** One group a topic: members of one group that read different topics would disturb each other. */
  groupOf(group: string, topic: string): string {
    return `${this.options.topicPrefix}.${group}.${topic}`;
  }

  /** Makes the topic if there is none; resolves to its number of partitions once each has a leader. */
  async ensure(topic: string, config: Readonly<Record<string, string>> = {}): Promise<number> {
    const known = this.#ready.get(topic);
    if (known) return known;
    const made = this.#make(topic, config).catch((error: unknown) => {
      this.#ready.delete(topic);
      throw unavailable(this.options, error);
    });
    this.#ready.set(topic, made);
    return made;
  }

  /** To be called when it seems to be gone. */
  forget(topic: string): void {
    this.#ready.delete(topic);
    this.#admin.clearMetadata();
  }

  async #make(topic: string, config: Readonly<Record<string, string>>): Promise<number> {
    const name = this.nameOf(topic);
    const { brokers } = await this.#admin.metadata({ topics: [], forceUpdate: true });
    const copies = Math.min(COPIES, brokers.size);
    const settings = { "min.insync.replicas": copies === COPIES ? "2" : "1", ...config };
    const known = new Set(await this.#admin.listTopics());
    if (!known.has(name)) {
      try {
        await this.#admin.createTopics({
          topics: [name],
          partitions: this.options.partitions ?? PARTITIONS,
          replicas: copies,
          configs: Object.entries(settings).map(([key, value]) => ({ name: key, value })),
        });
      } catch (error) {
        // Another process was faster.
        if (!hasApiId(error, "TOPIC_ALREADY_EXISTS")) throw error;
      }
    }
    const deadlineMs = performance.now() + TOPIC_READY_MS_MAX;
    for (;;) {
      const found = await this.#admin
        .metadata({ topics: [name], forceUpdate: true })
        .catch((error: unknown) => {
          if (performance.now() > deadlineMs) throw error;
          return null;
        });
      const partitions = found?.topics.get(name)?.partitions ?? [];
      if (partitions.length > 0 && partitions.every(({ leader }) => found?.brokers.has(leader))) {
        return partitions.length;
      }
      if (performance.now() > deadlineMs)
        throw new Unavailable(`topic ${name} has partitions without a leader`);
      await sleep(20);
    }
  }

  /** For each partition: the first offset there is, and the one that the next record will have. */
  async bounds(topic: string): Promise<{ first: bigint; end: bigint }[]> {
    const count = await this.ensure(topic);
    const at = async (timestamp: bigint) => {
      const partitions = Array.from({ length: count }, (_, partitionIndex) => ({
        partitionIndex,
        timestamp,
      }));
      const [found] = await this.#admin.listOffsets({ topics: [{ name: this.nameOf(topic), partitions }] });
      return new Map(found?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]));
    };
    try {
      const [first, end] = await Promise.all([at(-2n), at(-1n)]);
      return Array.from({ length: count }, (_, i) => ({ first: first.get(i) ?? 0n, end: end.get(i) ?? 0n }));
    } catch (error) {
      throw unavailable(this.options, error);
    }
  }

  /** For each partition: the offset that the group consumes next; null where it has none yet. */
  async committed(group: string, topic: string): Promise<(bigint | null)[]> {
    const count = await this.ensure(topic);
    const name = this.nameOf(topic);
    const partitionIndexes = Array.from({ length: count }, (_, i) => i);
    const groupId = this.groupOf(group, topic);
    try {
      const [found] = await this.#admin.listConsumerGroupOffsets({
        groups: [{ groupId, topics: [{ name, partitionIndexes }] }],
      });
      const offsets = new Map(
        found?.topics
          .find((entry) => entry.name === name)
          ?.partitions.map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset]),
      );
      return partitionIndexes.map((i) => {
        const offset = offsets.get(i) ?? -1n;
        return offset < 0n ? null : offset;
      });
    } catch (error) {
      throw unavailable(this.options, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closed(this.#admin.close());
  }
}

/** Reads records of one topic from any offset, as no member of any group. */
export class KafkaReader implements AsyncDisposable {
  readonly #name: string;
  readonly #consumer: Consumer;

  constructor(options: KafkaOptions, name: string) {
    this.#name = name;
    this.#consumer = quiet(
      new Consumer({ ...clientOptions(options), groupId: `${name}.reader`, retries: 0, autocommit: false }),
    );
    this.#consumer.topics.track(name);
  }

  /** Partitions by the broker that leads them; those without a leader now are left out. */
  async leaders(partitions: Iterable<number>): Promise<Map<number, number[]>> {
    const { brokers, topics } = await this.#consumer.metadata({ topics: [this.#name] });
    const found = topics.get(this.#name)?.partitions ?? [];
    const byLeader = Map.groupBy(partitions, (partition) => found[partition]?.leader ?? -1);
    for (const leader of byLeader.keys()) if (!brokers.has(leader)) byLeader.delete(leader);
    return byLeader;
  }

  /** To be called after an error: what the cluster is will be asked anew. */
  forget(): void {
    this.#consumer.clearMetadata();
  }

  /** One request to one broker, which it holds for `waitMs` if there is nothing. At most one a broker at a time. */
  async fetch(
    node: number,
    offsets: ReadonlyMap<number, bigint>,
    options: { waitMs: number; partitionBytesMax: number },
  ): Promise<Fetched[]> {
    const { topics } = await this.#consumer.metadata({ topics: [this.#name] });
    const topicId = topics.get(this.#name)?.id;
    if (!topicId) throw new Unavailable(`there is no topic ${this.#name}`);
    const response = await this.#consumer.fetch({
      node,
      minBytes: 1,
      maxWaitTime: options.waitMs,
      topics: [
        {
          topicId,
          partitions: [...offsets].map(([partition, fetchOffset]) => ({
            partition,
            fetchOffset,
            currentLeaderEpoch: -1,
            lastFetchedEpoch: -1,
            partitionMaxBytes: options.partitionBytesMax,
          })),
        },
      ],
    });
    return fetchedOf(response, topicId, offsets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closed(this.#consumer.close(true));
  }
}

/** What one partition gave. */
export interface Fetched {
  readonly partition: number;
  readonly records: KafkaRecord[];
  /** Where to go on. */
  readonly next: bigint;
}

type FetchResponse = Awaited<ReturnType<Consumer["fetch"]>>;

function fetchedOf(
  response: FetchResponse,
  topicId: string,
  offsets: ReadonlyMap<number, bigint>,
): Fetched[] {
  const found: Fetched[] = [];
  const partitions = response.responses.filter((entry) => entry.topicId === topicId);
  for (const { partitionIndex: partition, records: batches } of partitions.flatMap(
    (entry) => entry.partitions,
  )) {
    const from = offsets.get(partition);
    if (from === undefined || !batches || batches.length === 0) continue;
    const records: KafkaRecord[] = [];
    let next = from;
    for (const batch of batches) {
      next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
      if (batch.attributes & CONTROL_BATCH) continue;
      for (const record of batch.records) {
        const offset = batch.firstOffset + BigInt(record.offsetDelta);
        // A batch is given whole, also when it is asked for from its middle on.
        if (offset < from) continue;
        const timestampMs = Number(batch.firstTimestamp + record.timestampDelta);
        const value = record.value?.toString() ?? null;
        records.push({ partition, offset, timestampMs, key: record.key?.toString() ?? "", value });
      }
    }
    if (next > from) found.push({ partition, records, next });
  }
  return found;
}

export function hasApiId(error: unknown, apiId: string): boolean {
  if (error instanceof ProtocolError && error.apiId === apiId) return true;
  if (error instanceof AggregateError) return error.errors.some((inner) => hasApiId(inner, apiId));
  return error instanceof Error && error.cause !== undefined && hasApiId(error.cause, apiId);
}

/** Without a listener an error that no call waits for would end the process. */
export function quiet<T extends { on(name: "error", listener: (error: Error) => void): unknown }>(
  client: T,
): T {
  client.on("error", () => {});
  return client;
}

const CLOSE_MS_MAX = 2_000;

/** Closing talks to brokers, which may be gone: it's given a little time, and its outcome changes nothing. */
export async function closed(closing: Promise<void>): Promise<void> {
  const done = new AbortController();
  await Promise.race([closing.catch(() => {}), sleep(CLOSE_MS_MAX, done.signal)]);
  done.abort("closed");
}

export function laterOf(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
