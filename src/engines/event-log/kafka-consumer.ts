/**
 * A member of a Kafka consumer group that handles one batch at a time.
 *
 * The library's streams end at longer outages, and give again what is buffered when the group is divided anew. So only
 * membership is the library's (join, heartbeats, commits), in the classic group protocol; records are fetched here,
 * from committed offsets on, for exactly the partitions of one _assignment_. When the group is divided anew, its
 * assignment is revoked: what was fetched under it is dropped, the batch under way ends and commits for what stays
 * ours, and the next assignment starts from what is committed. Another member may by then handle that batch too.
 *
 * An offset is committed only after everything before it was handled by somebody: an assignment begins at a committed
 * offset and hands on contiguously from there. So no order of commits by old and new owners skips a record; at worst an
 * older one is written over a newer one, which repeats records.
 */
import { Consumer as GroupMember } from "@platformatic/kafka";
import type { Logger } from "pino";
import { type Clock, every, sleep } from "../../core/clock.ts";
import {
  clientOptions,
  closed,
  hasApiId,
  KafkaReader,
  type KafkaRecord,
  type KafkaTopics,
  laterOf,
} from "./kafka-client.ts";
import { lagOf } from "./kafka-lag.ts";
import { Patience, type PatienceOptions } from "./patience.ts";
import type { ConsumeOptions, Consumer, Lag } from "./port.ts";

/** How long a member may be silent before its partitions go to others. Brokers allow 6 s at the least by default. */
const SESSION_MS = 6_000;
const HEARTBEAT_MS = 500;
/** How long members are waited for when the group is divided anew; they hear of it by their next heartbeat. */
const REBALANCE_MS = 6_000;
/** Without a heartbeat that succeeds for so long, the membership is given up for a new one. */
const STALLED_MS = 5_000;
const SILENT_MS_MAX = 30_000;
/** How long a broker holds a fetch that finds nothing; also how long a revoked one may go on. */
const FETCH_WAIT_MS = 250;
const PARTITION_BYTES_MAX = 262_144;
/** Fetching pauses while so many batches wait to be handled. */
const BATCHES_AHEAD = 4;
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;

export interface KafkaConsumerOptions extends ConsumeOptions {
  readonly topics: KafkaTopics;
  readonly log: Logger;
  readonly clock: Clock;
  readonly patience: PatienceOptions;
  readonly bury: (record: KafkaRecord, error: Error) => Promise<void>;
  readonly onStop: () => void;
}

/** A share of the topic's partitions, ours until revoked. */
class Assignment {
  readonly #revoking = new AbortController();
  readonly partitions: readonly number[];
  /** Fetched, not yet handled, in the order of coming. */
  waiting: KafkaRecord[] = [];
  /** Where to fetch next. */
  readonly positions = new Map<number, bigint>();

  constructor(partitions: readonly number[]) {
    this.partitions = partitions;
  }

  get revoked(): AbortSignal {
    return this.#revoking.signal;
  }

  revoke(): void {
    this.#revoking.abort("revoked");
  }
}

export class KafkaConsumer implements Consumer {
  readonly #options: KafkaConsumerOptions;
  readonly #stopping = new AbortController();
  readonly #patience: Patience;
  readonly #running: Promise<void>;
  /** Resolved whenever something changed that a loop may wait for. */
  #changed = Promise.withResolvers<void>();

  constructor(options: KafkaConsumerOptions) {
    this.#options = options;
    this.#patience = new Patience(options.patience);
    this.#running = this.#run();
  }

  lag(): Promise<Lag> {
    const { topics, topic, group, clock } = this.#options;
    return lagOf(topics, group, topic, clock.nowMs());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort("stopping");
    this.#poke();
    await this.#running;
    this.#options.onStop();
  }

  #poke(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** One membership after another: one that broke is left, and a new one joins. */
  async #run(): Promise<void> {
    const { topics, topic, group, log } = this.#options;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      try {
        await topics.ensure(topic);
        await this.#belong(() => {
          failures = 0;
        });
      } catch (err) {
        if (this.#stopping.signal.aborted) return;
        failures++;
        topics.forget(topic);
        const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** failures);
        log.warn({ err, topic, group, pauseMs }, "a consumer lost its place in Kafka; it joins again");
        await sleep(pauseMs, this.#stopping.signal);
      }
    }
  }

  /** Joins, consumes until stopped or broken, leaves. Throws what broke it. */
  async #belong(onJoined: () => void): Promise<void> {
    const { topics, topic, group } = this.#options;
    const name = topics.nameOf(topic);
    const broken = new AbortController();
    const breaks = (error: unknown) => {
      broken.abort(error instanceof Error ? error : new Error("the group's coordinator is silent"));
      this.#poke();
    };
    const share: { current: Assignment | null } = { current: null };
    const member = new GroupMember({
      ...clientOptions(topics.options),
      groupId: topics.groupOf(group, topic),
      // Joining is answered when all others have joined.
      requestTimeout: REBALANCE_MS + 3_000,
      autocommit: false,
      sessionTimeout: SESSION_MS,
      rebalanceTimeout: REBALANCE_MS,
      heartbeatInterval: HEARTBEAT_MS,
      heartbeatStallTimeout: STALLED_MS,
    });
    member.on("error", breaks);
    member.on("consumer:heartbeat:stalled", () => breaks(null));
    member.on("consumer:group:join", ({ assignments }) => {
      share.current?.revoke();
      share.current = new Assignment(assignments?.find((entry) => entry.topic === name)?.partitions ?? []);
      onJoined();
      this.#poke();
    });
    const reader = new KafkaReader(topics.options, name);
    const joinedAtMs = this.#options.clock.nowMs();
    // Whatever else may go wrong with it: a member that says nothing to its group for so long isn't one.
    const watch = every(SILENT_MS_MAX, () => {
      const silentMs = this.#options.clock.nowMs() - (member.lastHeartbeat?.getTime() ?? joinedAtMs);
      if (silentMs > SILENT_MS_MAX) breaks(null);
    });
    try {
      member.topics.track(name);
      await member.joinGroup({});
      while (!this.#stopping.signal.aborted && !broken.signal.aborted) {
        const assignment = share.current;
        if (assignment === null || assignment.revoked.aborted) await this.#changed.promise;
        else await this.#consume(assignment, member, reader, broken.signal);
      }
      if (broken.signal.aborted) throw broken.signal.reason;
    } finally {
      watch();
      share.current?.revoke();
      await Promise.all([closed(member.close(true)), reader[Symbol.asyncDispose]()]);
    }
  }

  /** Until the assignment is revoked, or all ends. */
  async #consume(
    assignment: Assignment,
    member: GroupMember,
    reader: KafkaReader,
    broken: AbortSignal,
  ): Promise<void> {
    const { topics, topic, group, maxRecords, log } = this.#options;
    const [bounds, committed] = await Promise.all([topics.bounds(topic), topics.committed(group, topic)]);
    for (const partition of assignment.partitions) {
      const first = bounds[partition]?.first ?? 0n;
      assignment.positions.set(partition, laterOf(committed[partition] ?? first, first));
    }
    const over = AbortSignal.any([assignment.revoked, broken, this.#stopping.signal]);
    const fetching = this.#fetch(assignment, reader, over);
    let committing = Promise.resolve();
    try {
      while (!over.aborted) {
        if (assignment.waiting.length === 0) {
          await this.#changed.promise;
          continue;
        }
        const batch = assignment.waiting.slice(0, maxRecords);
        const isHandled = await this.#patience.consume({
          records: batch,
          handle: (records) =>
            this.#options.handle(
              records.map(({ value }) => JSON.parse(value ?? "null")),
              records.map(({ key }) => BigInt(key)),
            ),
          bury: this.#options.bury,
          signal: over,
          onFailure: (err, failures, pauseMs) =>
            log.warn({ err, topic, group, failures, pauseMs }, "a batch of events failed; it's tried again"),
        });
        if (!isHandled) break;
        assignment.waiting = assignment.waiting.slice(batch.length);
        this.#poke();
        // While the next batch is handled; never two commits at a time, which could land in either order.
        await committing;
        committing = this.#commit(batch, member, AbortSignal.any([broken, assignment.revoked]));
      }
    } finally {
      await committing;
      await fetching;
    }
  }

  /** Tries until it succeeds, or somebody else may have come further by then. */
  async #commit(batch: readonly KafkaRecord[], member: GroupMember, over: AbortSignal): Promise<void> {
    const { topics, topic, log } = this.#options;
    const name = topics.nameOf(topic);
    const last = new Map(batch.map(({ partition, offset }) => [partition, offset]));
    for (let failures = 0; ; failures++) {
      // When the group was divided anew meanwhile, some of them may be another's.
      const ours = new Set(member.assignments?.find((entry) => entry.topic === name)?.partitions);
      const offsets = [...last].flatMap(([partition, offset]) =>
        ours.has(partition) ? [{ topic: name, partition, offset: offset + 1n, leaderEpoch: -1 }] : [],
      );
      if (offsets.length === 0) return;
      try {
        return await member.commit({ offsets });
      } catch (err) {
        if (over.aborted) return;
        const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** failures);
        log.warn({ err, topic, pauseMs }, "offsets could not be committed; it's tried again");
        await sleep(pauseMs, over);
      }
    }
  }

  /** Keeps one request at each broker that leads some of the partitions, as long as there is room. */
  async #fetch(assignment: Assignment, reader: KafkaReader, over: AbortSignal): Promise<void> {
    const inFlight = new Map<number, Promise<void>>();
    const ended = new Promise<void>((resolve) => {
      over.addEventListener("abort", () => resolve(), { once: true });
    });
    // The loop that hands on waits for the same.
    void ended.then(() => this.#poke());
    const room = this.#options.maxRecords * BATCHES_AHEAD;
    let failures = 0;
    while (!over.aborted) {
      const changed = this.#changed.promise;
      try {
        if (assignment.waiting.length < room) {
          for (const [node, partitions] of await reader.leaders(assignment.partitions)) {
            if (inFlight.has(node)) continue;
            const request = this.#fetchFrom(node, partitions, assignment, reader)
              .then(() => {
                failures = 0;
              })
              .catch(async (error: unknown) => {
                failures++;
                await this.#recover(error, assignment, reader, failures, over);
              })
              .finally(() => {
                inFlight.delete(node);
                this.#poke();
              });
            inFlight.set(node, request);
          }
        }
      } catch (error) {
        failures++;
        await this.#recover(error, assignment, reader, failures, over);
        continue;
      }
      // Without any request there is nothing to end that would look again: partitions without a leader.
      if (inFlight.size === 0 && assignment.partitions.length > 0 && assignment.waiting.length < room) {
        reader.forget();
        await sleep(PAUSE_MS_MIN, over);
      } else await Promise.race([changed, ended]);
    }
    await Promise.all(inFlight.values());
  }

  async #fetchFrom(
    node: number,
    partitions: readonly number[],
    assignment: Assignment,
    reader: KafkaReader,
  ): Promise<void> {
    const offsets = new Map(
      partitions.map((partition) => [partition, assignment.positions.get(partition) ?? 0n]),
    );
    const options = { waitMs: FETCH_WAIT_MS, partitionBytesMax: PARTITION_BYTES_MAX };
    for (const { partition, records, next } of await reader.fetch(node, offsets, options)) {
      assignment.positions.set(partition, next);
      assignment.waiting.push(...records);
    }
  }

  async #recover(
    error: unknown,
    assignment: Assignment,
    reader: KafkaReader,
    failures: number,
    over: AbortSignal,
  ): Promise<void> {
    if (over.aborted) return;
    const { topics, topic, log } = this.#options;
    reader.forget();
    try {
      // Records that waited for longer than the topic keeps them are gone; going on is all that is left.
      if (hasApiId(error, "OFFSET_OUT_OF_RANGE")) {
        const bounds = await topics.bounds(topic);
        for (const [partition, position] of assignment.positions) {
          const { first = position, end = position } = bounds[partition] ?? {};
          if (position >= first && position <= end) continue;
          log.error(
            { topic, partition, position: `${position}`, first: `${first}` },
            "records are gone unread",
          );
          assignment.positions.set(partition, first);
        }
        return;
      }
    } catch {
      // Asked again after the pause.
    }
    const pauseMs = Math.min(1_000, PAUSE_MS_MIN * 2 ** (failures - 1));
    // The first is what every change of leaders looks like.
    if (failures > 2)
      log.warn({ err: error, topic, failures, pauseMs }, "fetching events failed; it's tried again");
    await sleep(pauseMs, over);
  }
}
