/**
 * Up to where a replica must have come for a reader to see what was written of late, by any process: fed by the
 * invalidation log, whose entries carry the position of their commit.
 *
 * A replica that takes reads lacks nothing older than the bound on its lag. So a write that is older needs no position,
 * and after a gap in the log, when writes of others may have gone unheard, no replica is asked for just as long.
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../../core/clock.ts";
import type { Stale } from "../../core/invalidation.ts";
import type { Lsn, Position, StaleReading } from "./replica-router.ts";

/** Beyond the bound on lag: what the watch and the clock may add. */
const MARGIN_MS = 1_000;
const ACCOUNTS_MOST = 100_000;
/** Longer than a change waits between its position and its entry. */
const SILENT_MS = 2_000;

export class RecentWrites {
  readonly #clock: Clock;
  readonly #keptMs: number;
  readonly #positions: LRUCache<bigint, { lsn: Lsn }>;
  #blindUntilMs: number;
  #newest: Lsn = 0n;
  #toldAtMs = 0;
  /** Where the primary was last seen. */
  lastSeen: () => Position | null = () => null;
  #missedAtMs: number;

  constructor({ lagMsMax, clock }: { lagMsMax: number; clock: Clock }) {
    this.#clock = clock;
    this.#keptMs = lagMsMax + MARGIN_MS;
    this.#positions = new LRUCache({
      // By size, for which nothing is allotted ahead.
      maxSize: ACCOUNTS_MOST,
      sizeCalculation: () => 1,
      ttl: this.#keptMs,
      // One that is pushed out too early was somebody's position, whoever's it was.
      dispose: (_, __, reason) => {
        if (reason === "evict") this.missed();
      },
    });
    // What was written before this process began wasn't heard.
    this.#missedAtMs = clock.nowMs();
    this.#blindUntilMs = this.#missedAtMs + this.#keptMs;
  }

  /**
   * Whatever a change touched, and whoever made it, is among the ids that it made stale. At position 0 is what replicas
   * don't hold.
   */
  note(stale: Stale, lsn: Lsn): void {
    if (lsn === 0n) return;
    // A primary that doesn't answer here, and stands before where it was seen: it's another one by now, and positions
    // of this history tell nothing of that.
    const seen = this.lastSeen();
    if (seen && lsn < seen.lsn && this.#clock.nowMs() - seen.askedMs > SILENT_MS) this.missed();
    this.#toldAtMs = this.#clock.nowMs();
    if (lsn > this.#newest) this.#newest = lsn;
    const { accounts, counts, relations, marks, authorTimelines, tokens, writers, owners } = stale;
    for (const ids of [accounts, counts, relations, marks, authorTimelines, tokens, writers, owners])
      for (const id of ids ?? []) this.#positions.set(id, { lsn });
  }

  /** Writes may have gone unheard. */
  missed(): void {
    this.#missedAtMs = this.#clock.nowMs();
    this.#blindUntilMs = this.#missedAtMs + this.#keptMs;
  }

  /**
   * Notices of PostgreSQL may have gone unheard, while there was no connection for them. Whoever stands in for the
   * primary goes on: without that there is no connection either, and a notice is what an operator's command tells by.
   */
  missedNotices(): void {
    this.#blindUntilMs = this.#clock.nowMs() + this.#keptMs;
  }

  /**
   * What lacks nothing that the primary was seen to have, nor anything that was told of since; null when writes may
   * have gone unheard since then.
   */
  allSince({ lsn, askedMs }: Position): Lsn | null {
    if (this.#missedAtMs >= askedMs) return null;
    return lsn > this.#newest ? lsn : this.#newest;
  }

  /** Whether somebody has reached a primary long after it was last seen here. */
  isReachedByOthers({ askedMs }: Position): boolean {
    return this.#toldAtMs > askedMs + SILENT_MS;
  }

  /**
   * For a reader, or for what these accounts own: what they have written is seen. Looked up anew at each read, since a
   * request may hear of more between two of them.
   */
  reading(ids: readonly (bigint | null)[]): StaleReading {
    const minLsnOf = () => this.#minLsnOf(ids);
    return {
      get minLsn() {
        return minLsnOf();
      },
      staleMs: 0,
    };
  }

  #minLsnOf(ids: readonly (bigint | null)[]): Lsn | null {
    if (this.#clock.nowMs() < this.#blindUntilMs) return null;
    let minLsn: Lsn = 0n;
    for (const id of ids) {
      const known = id === null ? undefined : this.#positions.get(id);
      if (known && known.lsn > minLsn) minLsn = known.lsn;
    }
    return minLsn;
  }
}
