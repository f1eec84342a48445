import { LRUCache } from "lru-cache";
import { isDegraded } from "./read-only.ts";

export interface Filling<Key, Value> extends Disposable {
  /** `leftMs`: how long it may still be given, where that is less than the cache would. */
  store(key: Key, value: Value, leftMs?: number): void;
}

/** What is asked before a load, and may have some of it. */
export interface SecondLevel<Key, Value> {
  getMany(keys: readonly Key[]): Promise<ReadonlyMap<Key, { value: Value; leftMs: number }>>;
}

/** For how long what a replica said in the place of the primary may be given again: see `core/read-only.ts`. */
export const DEGRADED_KEPT_MS = 1_000;

/** How late an age may be noticed: looking at the clock, and a timer for it, cost more than the rest of a look-up. */
export const TTL_RESOLUTION_MS = 100;

/** What a cache may take, and for how long what it gives may have been true. */
export interface CacheLimits {
  readonly maxSizeBytes: number;
  /** Nothing older is given; null: however old. */
  readonly maxAgeMs: number | null;
}

/**
 * A cache in front of a batched load, safe against the race of cache-aside: a load that began before an invalidation
 * must not be stored after it, or the old value would stay. An invalidated key is told to the loads under way, which
 * then return their value without storing it.
 */
export class GuardedCache<Key extends bigint | string, Value extends object> {
  readonly #stored: LRUCache<Key, Value>;
  readonly #second: SecondLevel<Key, Value> | null;
  readonly #loadMany: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>;
  readonly #loads = new Set<{ invalidated: Set<Key>; all: boolean }>();

  constructor(
    options: CacheLimits & {
      sizeBytesOf: (value: Value) => number;
      /** Keys without a value are left out of the result, and not remembered. */
      loadMany: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>;
      second?: SecondLevel<Key, Value>;
    },
  ) {
    this.#stored = new LRUCache({
      maxSize: options.maxSizeBytes,
      sizeCalculation: options.sizeBytesOf,
      ttl: options.maxAgeMs ?? 0,
      ttlResolution: TTL_RESOLUTION_MS,
    });
    this.#second = options.second ?? null;
    this.#loadMany = options.loadMany;
  }

  peek(key: Key): Value | undefined {
    return this.#stored.get(key);
  }

  async get(key: Key): Promise<Value | undefined> {
    return this.#stored.get(key) ?? (await this.getMany([key])).get(key);
  }

  /** Values of the keys that have one. */
  async getMany(keys: readonly Key[]): Promise<Map<Key, Value>> {
    const found = new Map<Key, Value>();
    const missing = new Set<Key>();
    for (const key of keys) {
      const value = this.#stored.get(key);
      if (value) found.set(key, value);
      else missing.add(key);
    }
    if (missing.size === 0) return found;
    using filling = this.fill();
    for (const [key, { value, leftMs }] of (await this.#second?.getMany([...missing])) ?? []) {
      found.set(key, value);
      filling.store(key, value, leftMs);
      missing.delete(key);
    }
    if (missing.size === 0) return found;
    for (const [key, value] of await this.#loadMany([...missing])) {
      found.set(key, value);
      filling.store(key, value, isDegraded() ? DEGRADED_KEPT_MS : undefined);
    }
    return found;
  }

  /** Values in the order of the keys, undefined for a key without one: nothing but an array when all are stored. */
  async getAll(keys: readonly Key[]): Promise<(Value | undefined)[]> {
    const values: Value[] = [];
    for (const key of keys) {
      const value = this.#stored.get(key);
      if (value === undefined) {
        const found = await this.getMany(keys);
        return keys.map((wanted) => found.get(wanted));
      }
      values.push(value);
    }
    return values;
  }

  /**
   * For values that come from elsewhere than a load, such as a row just written. Begin before what they are read or
   * written by; what is invalidated from then on isn't stored.
   */
  fill(): Filling<Key, Value> {
    const load = { invalidated: new Set<Key>(), all: false };
    this.#loads.add(load);
    return {
      store: (key, value, leftMs) => {
        if (load.all || load.invalidated.has(key)) return;
        this.#stored.set(key, value, leftMs === undefined ? {} : { ttl: leftMs });
      },
      [Symbol.dispose]: () => this.#loads.delete(load),
    };
  }

  invalidate(key: Key): void {
    this.#stored.delete(key);
    for (const load of this.#loads) load.invalidated.add(key);
  }

  /** Keeps what is stored; loads under way won't be. For a change whose keys aren't known. */
  invalidateLoads(): void {
    for (const load of this.#loads) load.all = true;
  }

  clear(): void {
    this.#stored.clear();
    this.invalidateLoads();
  }

  usage(): { entries: number; sizeBytes: number } {
    return { entries: this.#stored.size, sizeBytes: this.#stored.calculatedSize };
  }
}
