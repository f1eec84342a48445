/**
 * Whether what a process loaded is still right: its load began at a position of the invalidation log, and nothing of it
 * was made stale by an entry after that position.
 *
 * Why no stale value is given: a change appends its entry after its commit and before its answer. Whoever reads here
 * has caught up with the log since the request came, so the entry of each change that was answered by then is known
 * here. A value loaded at a position before that entry is refused. A load at that position or later began after the
 * commit, so it has seen it. Between a change's commit and its entry's return, the process that made it refuses what it
 * knows to be stale, whatever its position.
 *
 * What may have gone unheard (this process is new, Redis was away, the log has a gap, a change was told by other means)
 * makes all values refused for as long as one may live: after that, none is from before.
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../../core/clock.ts";
import type { AccountId, StatusId } from "../../core/ids.ts";
import type { Stale } from "../../core/invalidation.ts";
import type { LogPosition } from "../invalidation-log/port.ts";
import type { LoadStart } from "./port.ts";

/** Beyond the life of a value: how far clocks drift meanwhile, and a command that was slow. */
const MARGIN_MS = 1_000;
const SUBJECTS_MOST = 200_000;

export interface FreshnessOptions {
  /** How long a value lives at most. */
  readonly keptMsMax: number;
  readonly clock: Clock;
}

export class Freshness {
  readonly #clock: Clock;
  readonly #keptMs: number;
  /** The newest entry that made a subject stale. */
  readonly #staleSince: LRUCache<string, LogPosition>;
  /** How many changes of this process have made a subject stale whose entries haven't come back yet. */
  readonly #underWay = new Map<string, number>();
  #position: LogPosition | null = null;
  #blindUntilMs: number;

  constructor({ keptMsMax, clock }: FreshnessOptions) {
    this.#clock = clock;
    this.#keptMs = keptMsMax + MARGIN_MS;
    this.#staleSince = new LRUCache({
      // By size, for which nothing is allotted ahead.
      maxSize: SUBJECTS_MOST,
      sizeCalculation: () => 1,
      ttl: this.#keptMs,
      dispose: (_, __, reason) => {
        if (reason === "evict") this.missed();
      },
    });
    this.#blindUntilMs = clock.nowMs() + this.#keptMs;
  }

  /** Called once the entries up to there have been noted. */
  readTo(position: LogPosition): void {
    this.#position = position;
  }

  /** A change of this process made these stale; it's about to append its entry. */
  begun(subjects: readonly string[]): void {
    for (const subject of subjects) this.#underWay.set(subject, (this.#underWay.get(subject) ?? 0) + 1);
  }

  /** Its entry couldn't be appended. */
  failed(subjects: readonly string[]): void {
    this.#ended(subjects);
    this.missed();
  }

  /** In the order of the log. */
  note(subjects: readonly string[], position: LogPosition, isOwn: boolean): void {
    for (const subject of subjects) this.#staleSince.set(subject, position);
    if (isOwn) this.#ended(subjects);
  }

  /** Something may have become stale unheard. Entries of changes under way may be among it. */
  missed(): void {
    this.#blindUntilMs = this.#clock.nowMs() + this.#keptMs;
    this.#underWay.clear();
  }

  /** To be taken before a load begins; null when nobody could tell whether what it gives is fresh. */
  begin(): LoadStart | null {
    return this.#position && { position: this.#position, beganMs: this.#clock.nowMs() };
  }

  /** Whether everything is refused. */
  get isBlind(): boolean {
    return this.#position === null || this.#clock.nowMs() < this.#blindUntilMs;
  }

  accepts(subject: string, loadedAt: LogPosition): boolean {
    if (this.isBlind || this.#position?.history !== loadedAt.history) return false;
    if (this.#underWay.has(subject)) return false;
    const stale = this.#staleSince.get(subject);
    return stale === undefined || (stale.history === loadedAt.history && stale.entry <= loadedAt.entry);
  }

  #ended(subjects: readonly string[]): void {
    for (const subject of subjects) {
      const count = this.#underWay.get(subject) ?? 0;
      if (count > 1) this.#underWay.set(subject, count - 1);
      else this.#underWay.delete(subject);
    }
  }
}

/** What a value is about, as changes name it. */
export const subjectOf = {
  account: (id: AccountId) => `a${id}`,
  status: (id: StatusId) => `s${id}`,
  tokensOfAccount: (id: AccountId) => `t${id}`,
  tokensOfApp: (id: bigint) => `p${id}`,
} as const;

export function subjectsOf(stale: Stale): string[] {
  return [
    ...(stale.accounts ?? []).map(subjectOf.account),
    ...(stale.counts ?? []).map(subjectOf.account),
    ...(stale.countsElsewhere ?? []).map(subjectOf.account),
    ...(stale.statuses ?? []).map(subjectOf.status),
    ...(stale.tokens ?? []).map(subjectOf.tokensOfAccount),
    ...(stale.appTokens ?? []).map(subjectOf.tokensOfApp),
  ];
}
