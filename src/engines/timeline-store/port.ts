import type { AccountId, StatusId } from "../../core/ids.ts";

/**
 * Home timelines as candidate ids: a contiguous newest window per viewer, down to a known coverage floor. Candidates
 * only: the reader checks each against the relations of now. Losing everything here costs latency, never contents.
 *
 * A timeline is one of three: missing (nobody read it lately; appends leave it missing), being built (appends are
 * kept beside it until the build ends), or present.
 *
 * Reads answer "timeout" when the store is away or too slow; everything else rejects with Unavailable then, and may
 * have been done or not, or be done in a moment: whatever it was, it can be done again.
 */
export interface TimelineStore extends AsyncDisposable {
  /**
   * Newest first, ids < before, at most `limit`. A hit promises: every candidate with id >= floor, of a viewer whose
   * relations are at `epoch`, is present. Fewer entries than `limit` means the floor was reached.
   */
  read(viewer: AccountId, before: StatusId | null, limit: number): Promise<TimelineRead>;

  /**
   * Adds the id to each of the viewers' timelines that is present or being built, in order of id, once. Trims to the
   * newest entries, raising the floor. Ids below the floor are left out. Resolves to the number of timelines changed
   * or already holding it.
   */
  append(id: StatusId, viewers: readonly AccountId[]): Promise<number>;

  /**
   * Opens a build. Must come before the candidates are read: what is appended from now on is merged into the result,
   * so a status that commits after the candidates were read can't fall between the two.
   */
  beginBuild(viewer: AccountId): Promise<BuildTicket>;

  /** Stores the built timeline at once. "stale" when the timeline was dropped, or another build began, since. */
  finishBuild(viewer: AccountId, ticket: BuildTicket, built: BuiltTimeline): Promise<"built" | "stale">;

  /**
   * Adds entries that a changed relation brought in, moving the timeline from one epoch to the next. "missing": there
   * is nothing to add to. "stale": it isn't at `fromEpoch`, or reaches below the change's floor; it has been dropped
   * and will be built anew.
   */
  merge(viewer: AccountId, change: TimelineMerge): Promise<"merged" | "missing" | "stale">;

  /** Takes ids out, wherever they are. */
  remove(ids: readonly StatusId[], viewers: readonly AccountId[]): Promise<void>;

  /** Makes the timeline missing; a build that is under way becomes stale. */
  drop(viewer: AccountId): Promise<void>;
}

export type TimelineRead =
  | { state: "hit"; entries: StatusId[]; floor: StatusId; epoch: bigint }
  | { state: "miss" }
  | { state: "timeout" };

export type BuildTicket = number | string;

export interface BuiltTimeline {
  /** Newest first. */
  readonly entries: readonly StatusId[];
  /** Lowest id from which on the entries are complete; 0 when they reach the timeline's end. */
  readonly floor: StatusId;
  /** The viewer's relation epoch that the candidates were read under. */
  readonly epoch: bigint;
}

export interface TimelineMerge {
  /** Newest first; those below the stored floor are ignored. */
  readonly entries: readonly StatusId[];
  /** How far down they are complete: a stored timeline that reaches deeper can't take them. */
  readonly floor: StatusId;
  readonly fromEpoch: bigint;
  readonly toEpoch: bigint;
}
