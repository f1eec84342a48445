import type { Stale } from "../../core/invalidation.ts";

export interface InvalidationEntry {
  readonly stale: Stale;
  /** Where the change lies in the database's log, as PostgreSQL writes it; null when nobody asked. */
  readonly lsn: string | null;
}

/** A place in the log. Of one history, a later entry has a greater number; two histories can't be compared. */
export interface LogPosition {
  readonly history: string;
  readonly entry: bigint;
}

/**
 * What changes made stale, told to the caches of all processes: the fence that lets them keep bytes in their own
 * memory. A change appends before it is answered, a request catches up before it reads caches: so what was answered
 * before the request came is out of the caches by the time they are read, whichever processes the two were.
 */
export interface InvalidationLog extends AsyncDisposable {
  /** Resolves once every `catchUp` that is called from now on gives it. Unavailable: perhaps nobody will hear of it. */
  append(entry: InvalidationEntry): Promise<void>;

  /**
   * Resolves when all that was appended before the call, by any process, has been given to the listeners: entries, or
   * a gap. Rejects with Unavailable, in a moment, when that can't be known: then no cache may be read.
   */
  catchUp(): Promise<void>;

  /** From now on, until the log is disposed of. Listeners must not throw and must not wait. */
  listen(listener: InvalidationListener): void;
}

export interface InvalidationListener {
  /** In the order they were appended. `isOwn`: appended through this very object. */
  onEntry(entry: InvalidationEntry & { isOwn: boolean; position: LogPosition }): void;
  /** Entries were missed, or may have been: anything may be stale. */
  onGap(): void;
  /** After those: all up to there has been told. Not called where nothing was new. */
  onReadTo?(position: LogPosition): void;
}
