/**
 * Reading a home timeline, as steps: stored candidates, merged with pulled authors → below the floor by SQL → what the
 * relations of now exclude → repeated boosts → the page.
 */
import type { Clock } from "../core/clock.ts";
import { ignoreUnavailable } from "../core/errors.ts";
import { type AccountId, descending, type StatusId } from "../core/ids.ts";
import type { Page } from "../core/page.ts";
import { isDegraded } from "../core/read-only.ts";
import type { Database } from "../engines/database/pools.ts";
import type { TimelineStore } from "../engines/timeline-store/port.ts";
import type { Relations, RelationsCache } from "../relations/relations.ts";
import type { StatusCache, StatusRecord } from "../statuses/records.ts";
import { candidatesAbove, candidatesBelow, homeScope } from "./candidates.ts";
import { visibleEntries } from "./entries.ts";
import { cutPage, type EntryBatch, type EntrySource } from "./paging.ts";
import type { PulledAuthors } from "./pull-merge.ts";
import type { Rebuilder } from "./rebuild.ts";

export interface HomeTimelineContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly store: TimelineStore;
  readonly relations: RelationsCache;
  readonly statuses: StatusCache;
  readonly pulled: PulledAuthors;
  readonly rebuilder: Rebuilder;
  readonly onRead: (result: "hit" | "miss" | "timeout" | "sql") => void;
}

/** The page, newest first. Exact: what the SQL of `oracle.ts` would answer. */
export async function readHomeTimeline(
  context: HomeTimelineContext,
  viewerId: AccountId,
  page: Page,
): Promise<StatusRecord[]> {
  const relations = await context.relations.of(viewerId);
  const entries = await cutPage(new HomeSource(context, relations), page);
  return entries.map((entry) => entry.record);
}

/** Whether the status is in the viewer's home timeline now: what a live stream asks before it sends. */
export async function isInHomeTimeline(
  context: HomeTimelineContext,
  viewerId: AccountId,
  statusId: StatusId,
): Promise<boolean> {
  const page = { before: statusId + 1n, after: statusId - 1n, edge: "newest", limit: 1 } as const;
  return (await readHomeTimeline(context, viewerId, page)).length === 1;
}

/** One reading of one home timeline: starts in the store and goes over to SQL below its floor, for good. */
class HomeSource implements EntrySource {
  readonly #context: HomeTimelineContext;
  readonly #relations: Relations;
  #floor: StatusId | null = null;
  #bySql = false;
  #rebuilt = false;

  constructor(context: HomeTimelineContext, relations: Relations) {
    this.#context = context;
    this.#relations = relations;
  }

  async below(before: StatusId | null, wanted: number): Promise<EntryBatch> {
    const stored = this.#bySql ? null : await this.#stored(before, wanted);
    if (stored) return stored;
    this.#bySql = true;
    this.#context.onRead("sql");
    const window = await candidatesBelow(this.#context.database, homeScope(this.#relations), before, wanted);
    const { entries } = await visibleEntries(this.#context, window.entries, this.#relations);
    return { entries, next: window.floor, done: window.floor === 0n };
  }

  async above(after: StatusId, before: StatusId | null, wanted: number): Promise<EntryBatch | null> {
    if (this.#floor === null && !this.#bySql) await this.#stored(before, 1);
    if (this.#floor !== null && after >= this.#floor) return null;
    const scope = homeScope(this.#relations);
    const candidates = await candidatesAbove(this.#context.database, scope, { after, before }, wanted);
    const { entries } = await visibleEntries(this.#context, candidates, this.#relations);
    return { entries, next: candidates.at(-1) ?? after, done: candidates.length < wanted };
  }

  /** Null when the store can't answer: below its floor, or it has no timeline of these relations. */
  async #stored(before: StatusId | null, wanted: number): Promise<EntryBatch | null> {
    const { store, pulled, rebuilder, onRead } = this.#context;
    const relations = this.#relations;
    const read = await store.read(relations.viewerId, before, wanted);
    if (read.state !== "hit" || read.epoch !== relations.epoch) {
      onRead(read.state === "hit" ? "miss" : read.state);
      if (this.#rebuilt || read.state === "timeout") return null;
      this.#rebuilt = true;
      await rebuilder.rebuild(relations);
      return this.#stored(before, wanted);
    }
    this.#floor = read.floor;
    if (before !== null && before <= read.floor) return read.floor === 0n ? END : null;
    onRead("hit");
    const others = await pulled.below(relations, before, read.floor, wanted);
    const candidates = others.length === 0 ? read.entries : mergeDescending(read.entries, others, wanted);
    const { entries, missing } = await visibleEntries(this.#context, candidates, relations);
    // Only saves the next reader from looking them up; when the store is away, that one does.
    // What a replica doesn't have may be there all the same.
    if (missing.length > 0 && !isDegraded())
      await store.remove(missing, [relations.viewerId]).catch(ignoreUnavailable);
    // Fewer than asked for: all that is stored has been given, and what comes next lies below the floor.
    const isLast = candidates.length < wanted;
    const next = isLast ? read.floor : (candidates.at(-1) ?? read.floor);
    return { entries, next, done: isLast && read.floor === 0n };
  }
}

const END: EntryBatch = { entries: [], next: 0n, done: true };

/** Both newest first; an id in both counts once. The first `limit`, which both sides cover. */
function mergeDescending(a: readonly StatusId[], b: readonly StatusId[], limit: number): StatusId[] {
  return [...new Set([...a, ...b])].sort(descending).slice(0, limit);
}
