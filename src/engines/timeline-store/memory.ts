import type { Clock } from "../../core/clock.ts";
import { invariant } from "../../core/errors.ts";
import type { AccountId, StatusId } from "../../core/ids.ts";
import { PackedIds } from "./packed-ids.ts";
import type { BuildTicket, BuiltTimeline, TimelineMerge, TimelineRead, TimelineStore } from "./port.ts";

/** How many appended ids a build under way may keep; past that the build is given up, and tried again. */
const MAX_PENDING = 10_000;

interface Stored {
  ids: PackedIds;
  floor: StatusId;
  epoch: bigint;
  readAtMs: number;
}

interface Build {
  ticket: number;
  pending: StatusId[];
}

/** Timelines in this process: the embedded engine. Bounded by count; the least recently read go first. */
export class MemoryTimelineStore implements TimelineStore {
  // A Map iterates in order of insertion; a read timeline is inserted anew, so the first is the longest unread.
  readonly #timelines = new Map<AccountId, Stored>();
  readonly #builds = new Map<AccountId, Build>();
  readonly #limits: { maxEntries: number; maxTimelines: number; idleMs: number };
  readonly #clock: Clock;
  #lastTicket = 0;

  constructor(limits: { maxEntries: number; maxTimelines: number; idleMs: number }, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  async read(viewer: AccountId, before: StatusId | null, limit: number): Promise<TimelineRead> {
    const stored = this.#timelines.get(viewer);
    if (!stored) return { state: "miss" };
    stored.readAtMs = this.#clock.nowMs();
    this.#timelines.delete(viewer);
    this.#timelines.set(viewer, stored);
    const entries = stored.ids.newestBelow(before, limit);
    const last = entries.at(-1);
    invariant(last === undefined || last >= stored.floor, "a stored entry is below its timeline's floor");
    return { state: "hit", entries, floor: stored.floor, epoch: stored.epoch };
  }

  async append(id: StatusId, viewers: readonly AccountId[]): Promise<number> {
    let existing = 0;
    for (const viewer of viewers) {
      const stored = this.#timelines.get(viewer);
      if (stored && id >= stored.floor) {
        existing++;
        stored.ids.insert(id);
        this.#trim(stored);
      }
      const build = this.#builds.get(viewer);
      if (build && build.pending.push(id) > MAX_PENDING) this.#builds.delete(viewer);
    }
    return existing;
  }

  async beginBuild(viewer: AccountId): Promise<BuildTicket> {
    const ticket = ++this.#lastTicket;
    this.#builds.set(viewer, { ticket, pending: [] });
    return ticket;
  }

  async finishBuild(
    viewer: AccountId,
    ticket: BuildTicket,
    built: BuiltTimeline,
  ): Promise<"built" | "stale"> {
    const build = this.#builds.get(viewer);
    if (build?.ticket !== ticket) return "stale";
    this.#builds.delete(viewer);
    const ids = PackedIds.from(built.entries.filter((id) => id >= built.floor));
    for (const id of build.pending) if (id >= built.floor) ids.insert(id);
    const stored = { ids, floor: built.floor, epoch: built.epoch, readAtMs: this.#clock.nowMs() };
    this.#trim(stored);
    this.#timelines.delete(viewer);
    this.#timelines.set(viewer, stored);
    this.#evict();
    return "built";
  }

  async merge(viewer: AccountId, change: TimelineMerge): Promise<"merged" | "missing" | "stale"> {
    // A build under way may have read the relations of before the change: it must not be stored.
    this.#builds.delete(viewer);
    const stored = this.#timelines.get(viewer);
    if (!stored) return "missing";
    if (stored.epoch !== change.fromEpoch || stored.floor < change.floor) {
      this.#timelines.delete(viewer);
      return "stale";
    }
    for (const id of change.entries) if (id >= stored.floor) stored.ids.insert(id);
    stored.epoch = change.toEpoch;
    this.#trim(stored);
    return "merged";
  }

  async remove(ids: readonly StatusId[], viewers: readonly AccountId[]): Promise<void> {
    for (const viewer of viewers) {
      const stored = this.#timelines.get(viewer);
      if (stored) for (const id of ids) stored.ids.remove(id);
    }
  }

  async drop(viewer: AccountId): Promise<void> {
    this.#timelines.delete(viewer);
    this.#builds.delete(viewer);
  }

  /** Drops what nobody read for the idle time. Called now and then. */
  dropIdle(): void {
    const oldestMs = this.#clock.nowMs() - this.#limits.idleMs;
    for (const [viewer, stored] of this.#timelines) {
      if (stored.readAtMs >= oldestMs) return;
      this.#timelines.delete(viewer);
    }
  }

  /** Forgets every timeline, as a cache may at any time. */
  clear(): void {
    this.#timelines.clear();
    this.#builds.clear();
  }

  usage(): { timelines: number; entries: number; sizeBytes: number } {
    let entries = 0;
    let sizeBytes = 0;
    for (const { ids } of this.#timelines.values()) {
      entries += ids.size;
      sizeBytes += ids.sizeBytes;
    }
    return { timelines: this.#timelines.size, entries, sizeBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.clear();
  }

  /** Keeps the newest; the floor rises to the oldest entry kept, so the window stays contiguous. */
  #trim(stored: Stored): void {
    if (stored.ids.size <= this.#limits.maxEntries) return;
    while (stored.ids.size > this.#limits.maxEntries) stored.ids.dropOldest();
    stored.floor = stored.ids.oldest() ?? stored.floor;
  }

  #evict(): void {
    while (this.#timelines.size > this.#limits.maxTimelines) {
      const oldest = this.#timelines.keys().next();
      if (oldest.done) return;
      this.#timelines.delete(oldest.value);
    }
  }
}
