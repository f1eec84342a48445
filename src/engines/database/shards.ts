/**
 * Which database holds what an account owns: the only place that knows. The logical shard is in every id, of accounts
 * and of what they own, so an id is all it takes. With one database every answer is that one, and costs nothing.
 */
import { sleep, within } from "../../core/clock.ts";
import { Unavailable } from "../../core/errors.ts";
import { LOGICAL_SHARDS, shardOfId } from "../../core/ids.ts";
import { readOnlyRequest } from "../../core/read-only.ts";
import type { Database } from "./pools.ts";

/** Databases that one request asks at a time. */
const AT_ONCE = 8;
/** What spans databases waits for the slowest; one that hangs must not hold a request for longer. */
const DEADLINE_MS = 5_000;

/** What a database says that has given the shard away, or is about to; see `shard-move.ts`. */
const MOVING = "40S01";
const MOVE_MS_MAX = 15_000;
const MOVE_PAUSE_MS = 40;
/** Longer than a request lasts that has changed something before it heard of the new map. */
const LEFT_MAIN_MS = 30_000;

/** What was to be done in one database belongs in another by now, and wasn't begun. */
export class ShardMoved extends Unavailable {
  readonly code = MOVING;

  constructor() {
    super("What this is about has just moved to another database. Try again in a moment");
  }
}

/** Whether nothing was done since a shard is moving, or has just moved. */
export function isMoving(error: unknown): boolean {
  return (error as { code?: unknown }).code === MOVING;
}

export const mainIsAway = () =>
  new Unavailable("The server has lost touch with its main database. Try again in a moment");

export class Shards {
  /** Null before there is one. */
  #map: readonly Database[] | null = null;
  /** The map, where that is more than one database. */
  #byShard: readonly Database[] | null = null;
  #all: readonly Database[];
  readonly #main: Database;
  readonly #deadlineMs: number;
  #leftMainUntilMs = 0;
  /** Until when the map is surely the newest; moving shards waits for it to run out. */
  validUntilMs = Number.POSITIVE_INFINITY;
  /** The same, as the databases themselves say while the main one is away: for requests that only read. */
  heldUntilMs = 0;
  /** Told that shards have come to other databases: replicas of those may not have them yet. */
  onSpread: () => void = () => {};
  /** Reads the map anew. */
  refresh: () => Promise<void> = async () => {};

  constructor(main: Database, deadlineMs: number = DEADLINE_MS) {
    this.#all = [main];
    this.#main = main;
    this.#deadlineMs = deadlineMs;
  }

  /** From now on: the database of each logical shard, 1,024 of them. */
  spread(byShard: readonly Database[]): void {
    if (byShard.length !== LOGICAL_SHARDS)
      throw new Error(`a shard map has ${LOGICAL_SHARDS} entries, not ${byShard.length}`);
    this.onSpread();
    if (this.#map?.some((database, shard) => database === this.#main && byShard[shard] !== database))
      this.#leftMainUntilMs = performance.now() + LEFT_MAIN_MS;
    this.#map = byShard;
    this.#all = [...new Set(byShard)];
    this.#byShard = this.#all.length === 1 ? null : byShard;
  }

  /** The databases that hold a shard. */
  get all(): readonly Database[] {
    return this.#all;
  }

  /** Whether one database holds all shards. */
  get isOne(): boolean {
    return this.#byShard === null;
  }

  /** Where the account with this id, or the owner of what has it, keeps what it owns. */
  of(id: bigint): Database {
    if (this.canMove && !this.#mayGoByMap()) throw mainIsAway();
    return (this.#byShard?.[shardOfId(id)] ?? this.#all[0]) as Database;
  }

  /**
   * Whether a change of what has this id, made a moment ago, was made on the main database. Just after shards have left
   * it, it's said of all.
   */
  isOnMain(id: bigint): boolean {
    if (performance.now() < this.#leftMainUntilMs) return true;
    return (this.#byShard?.[shardOfId(id)] ?? this.#all[0]) === this.#main;
  }

  /** Whether there are databases for shards to move to. */
  get canMove(): boolean {
    return this.validUntilMs !== Number.POSITIVE_INFINITY;
  }

  /** To be called before reading or writing: a process that stood still for a while has an old map. */
  async beFresh(): Promise<void> {
    if (this.#mayGoByMap()) return;
    await this.refresh();
    // That one may have been under way before the process stood still.
    if (!this.#mayGoByMap()) await this.refresh();
  }

  /** A request that goes by what databases say while the main one is away is degraded by it. */
  #mayGoByMap(): boolean {
    if (performance.now() <= this.validUntilMs) return true;
    const request = readOnlyRequest();
    if (!request || !this.isHeld) return false;
    request.isDegraded = true;
    return true;
  }

  /** Whether requests that only read can be answered by this map. */
  get isHeld(): boolean {
    return performance.now() <= Math.max(this.validUntilMs, this.heldUntilMs);
  }

  /**
   * Runs `work` again as long as it fails since its shard is moving: nothing of it was done then. Servers have the new
   * map some time before its database takes writes.
   */
  async persist<T>(work: () => Promise<T>): Promise<T> {
    const untilMs = performance.now() + MOVE_MS_MAX;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isMoving(error) || performance.now() > untilMs) throw error;
        await sleep(MOVE_PAUSE_MS);
        await this.refresh().catch(() => {});
      }
    }
  }

  /** Whether what the owners of both ids own can be written in one transaction. */
  areTogether(a: bigint, b: bigint): boolean {
    return this.#byShard === null || this.of(a) === this.of(b);
  }

  /** The rows that all databases give, in no order between them. */
  async gather<Row>(read: (database: Database) => Promise<Row[]>): Promise<Row[]> {
    return this.#gather(this.#all.map((database) => () => read(database)));
  }

  /** The rows that the databases of these items give, each asked for its own items; in no order between them. */
  async gatherBy<Item, Row>(
    items: readonly Item[],
    idOf: (item: Item) => bigint,
    read: (database: Database, items: readonly Item[]) => Promise<Row[]>,
  ): Promise<Row[]> {
    const [only] = this.#all;
    if (this.#byShard === null && only) return read(only, items);
    const groups = Map.groupBy(items, (item) => this.of(idOf(item)));
    return this.#gather(
      [...groups].map(
        ([database, own]) =>
          () =>
            read(database, own),
      ),
    );
  }

  async #gather<Row>(reads: readonly (() => Promise<Row[]>)[]): Promise<Row[]> {
    const [only] = reads;
    if (reads.length === 1 && only) return only();
    const found: Row[][] = [];
    const waiting = [...reads.entries()];
    let isLate = false;
    const ask = async (): Promise<void> => {
      for (let next = waiting.shift(); next && !isLate; next = waiting.shift()) {
        const [place, read] = next;
        found[place] = await read();
      }
    };
    await within(Promise.all(reads.slice(0, AT_ONCE).map(ask)), this.#deadlineMs, () => {
      isLate = true;
      return new Unavailable(
        "The server is busy: some of its databases take too long. Try again in a moment",
      );
    });
    return found.flat();
  }
}

/** Groups by nothing: ids are their own. */
export const byItself = (id: bigint): bigint => id;
