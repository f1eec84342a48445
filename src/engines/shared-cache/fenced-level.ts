import type { Clock } from "../../core/clock.ts";
import type { Freshness } from "./freshness.ts";
import type { LoadStart, SharedForm, SharedLevel } from "./port.ts";
import type { RedisSharedCache } from "./redis.ts";

export interface FencedLevelOptions<Key, Value> {
  readonly cache: RedisSharedCache;
  readonly freshness: Freshness;
  /** How long a value may be given after its load began, in ms. */
  readonly keptMs: number;
  readonly clock: Clock;
  readonly onRead: (result: "hit" | "miss" | "stale", count: number) => void;
  readonly form: SharedForm<Key, Value>;
  /** What must not have become stale since it was loaded. */
  readonly subjectOf: (key: Key, value: Value) => string;
}

/** A kind of values in the shared cache, of which only those are given that `Freshness` accepts. */
export class FencedLevel<Key, Value> implements SharedLevel<Key, Value> {
  readonly #options: FencedLevelOptions<Key, Value>;

  constructor(options: FencedLevelOptions<Key, Value>) {
    this.#options = options;
  }

  async getMany(keys: readonly Key[]): Promise<Map<Key, { value: Value; leftMs: number }>> {
    const { cache, freshness, form, subjectOf, onRead } = this.#options;
    const fresh = new Map<Key, { value: Value; leftMs: number }>();
    if (freshness.isBlind) return fresh;
    const found = await cache.getMany(keys.map(form.nameOf));
    let stale = 0;
    keys.forEach((key, i) => {
      const shared = found[i];
      if (!shared || shared.leftMs <= 0) return;
      const value = form.decode(shared.bytes);
      if (freshness.accepts(subjectOf(key, value), shared.loadedAt))
        fresh.set(key, { value, leftMs: shared.leftMs });
      else stale++;
    });
    onRead("hit", fresh.size);
    onRead("stale", stale);
    onRead("miss", keys.length - fresh.size - stale);
    return fresh;
  }

  begin(): LoadStart | null {
    return this.#options.freshness.begin();
  }

  share(key: Key, value: Value, start: LoadStart): void {
    const { cache, keptMs, clock, form } = this.#options;
    const leftMs = keptMs - (clock.nowMs() - start.beganMs);
    if (leftMs <= 0) return;
    void cache.put(form.nameOf(key), { bytes: form.encode(value), loadedAt: start.position, leftMs });
  }
}
