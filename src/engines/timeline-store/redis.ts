/** Timelines in Redis, shared by all processes. How one is kept, and why it can be believed: `redis-scripts.ts`. */
import { randomUUID } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";
import type { AccountId, StatusId } from "../../core/ids.ts";
import { mix32 } from "../../core/random.ts";
import { evenTags } from "../redis/address.ts";
import type { RedisClient } from "../redis/client.ts";
import type { BuildTicket, BuiltTimeline, TimelineMerge, TimelineRead, TimelineStore } from "./port.ts";
import { APPEND, BEGIN_BUILD, DROP, FINISH_BUILD, MERGE, READ, REMOVE } from "./redis-scripts.ts";

/**
 * Viewers share hash tags, so that one script call serves all of a chunk that share one. Enough tags to lie evenly on a
 * dozen nodes, few enough that a chunk of 1,000 has some thirty viewers a tag. Another number makes all timelines
 * missing.
 */
const TAGS = evenTags(32);
/** A script stops everybody else while it runs: 2,000 appends take about 6 ms. */
const MAX_VIEWERS_A_CALL = 2_000;
/** What a build that nobody finished leaves behind goes after this. */
const BUILD_MS_MAX = 60_000;
/** Expiry is put off when this part of the idle time has passed since the last time: a read seldom writes. */
const REFRESH_PART = 30;

export class RedisTimelineStore implements TimelineStore {
  readonly #client: RedisClient;
  readonly #limits: { maxEntries: number; idleMs: number };
  readonly #clock: Clock;

  constructor(client: RedisClient, limits: { maxEntries: number; idleMs: number }, clock: Clock) {
    this.#client = client;
    this.#limits = limits;
    this.#clock = clock;
  }

  async read(viewer: AccountId, before: StatusId | null, limit: number): Promise<TimelineRead> {
    const { maxEntries, idleMs } = this.#limits;
    const refreshSeconds = Math.floor(idleMs / REFRESH_PART / 1000);
    const cursor = before === null ? "" : bytesOf([before]);
    const args = [cursor, limit, maxEntries, this.#nowSeconds(), refreshSeconds, idleMs];
    try {
      const found = await this.#client.script("prompt", READ, [this.#keyOf(viewer)], args);
      if (!Buffer.isBuffer(found)) return { state: "miss" };
      const [floor = 0n, epoch = 0n, ...entries] = idsIn(found);
      return { state: "hit", entries, floor, epoch };
    } catch (error) {
      if (error instanceof Unavailable) return { state: "timeout" };
      throw error;
    }
  }

  async append(id: StatusId, viewers: readonly AccountId[]): Promise<number> {
    const args = [bytesOf([id]), this.#limits.maxEntries];
    // One viewer is an author who waits for the answer; a chunk is a worker's, who would have to do it again.
    const lane = viewers.length === 1 ? "prompt" : "bulk";
    const counts = await Promise.all(
      this.#calls(viewers).map((keys) => this.#client.script(lane, APPEND, keys, args)),
    );
    return counts.reduce<number>((sum, count) => sum + Number(count), 0);
  }

  async beginBuild(viewer: AccountId): Promise<BuildTicket> {
    const ticket = randomUUID();
    await this.#client.script("prompt", BEGIN_BUILD, [this.#keyOf(viewer)], [ticket, BUILD_MS_MAX]);
    return ticket;
  }

  async finishBuild(
    viewer: AccountId,
    ticket: BuildTicket,
    built: BuiltTimeline,
  ): Promise<"built" | "stale"> {
    const { maxEntries, idleMs } = this.#limits;
    // One more than is kept, so that the floor rises where something was cut.
    const entries = built.entries.filter((id) => id >= built.floor).slice(0, maxEntries + 1);
    const stored = await this.#client.script(
      "prompt",
      FINISH_BUILD,
      [this.#keyOf(viewer)],
      [
        `${ticket}`,
        bytesOf(entries),
        bytesOf([built.floor]),
        bytesOf([built.epoch]),
        maxEntries,
        this.#nowSeconds(),
        idleMs,
      ],
    );
    return stored === 1 ? "built" : "stale";
  }

  async merge(viewer: AccountId, change: TimelineMerge): Promise<"merged" | "missing" | "stale"> {
    const { entries, floor, fromEpoch, toEpoch } = change;
    const result = await this.#client.script(
      "prompt",
      MERGE,
      [this.#keyOf(viewer)],
      [bytesOf(entries), bytesOf([floor]), bytesOf([fromEpoch]), bytesOf([toEpoch]), this.#limits.maxEntries],
    );
    return String(result) as "merged" | "missing" | "stale";
  }

  async remove(ids: readonly StatusId[], viewers: readonly AccountId[]): Promise<void> {
    const args = [this.#limits.maxEntries, ...ids.map((id) => bytesOf([id]))];
    await Promise.all(this.#calls(viewers).map((keys) => this.#client.script("prompt", REMOVE, keys, args)));
  }

  async drop(viewer: AccountId): Promise<void> {
    await this.#client.script("prompt", DROP, [this.#keyOf(viewer)], []);
  }

  /** The connections are the client's, and others use them too. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #keyOf(viewer: AccountId): string {
    const mixed = mix32(Number(BigInt.asUintN(32, viewer)) ^ Number(BigInt.asUintN(31, viewer >> 32n)));
    return `${this.#client.keyPrefix}:{${TAGS[mixed % TAGS.length]}}:t:${viewer}`;
  }

  /** Keys, grouped into what one script call can serve: on a cluster, keys of one tag. */
  #calls(viewers: readonly AccountId[]): string[][] {
    const keys = viewers.map((viewer) => this.#keyOf(viewer));
    if (this.#client.isCluster)
      return [...Map.groupBy(keys, (key) => key.slice(0, key.indexOf("}"))).values()];
    const calls: string[][] = [];
    for (let i = 0; i < keys.length; i += MAX_VIEWERS_A_CALL)
      calls.push(keys.slice(i, i + MAX_VIEWERS_A_CALL));
    return calls;
  }

  #nowSeconds(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }
}

function bytesOf(ids: readonly bigint[]): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * 8);
  ids.forEach((id, place) => {
    bytes.writeBigUInt64BE(id, place * 8);
  });
  return bytes;
}

function idsIn(bytes: Buffer): bigint[] {
  return Array.from({ length: bytes.length / 8 }, (_, place) => bytes.readBigUInt64BE(place * 8));
}
