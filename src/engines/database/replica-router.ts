/**
 * Which database answers a read that may be a moment old: a streaming replica, or the primary.
 *
 * The race: somebody writes, is answered, and reads from a replica that hasn't replayed the write. It can't happen,
 * since a read names the position in the log (LSN) that its reader must see, and a replica answers only when it was
 * seen to have replayed that far; a replica never goes back. How old a replica's data is, is measured against
 * positions of the primary: data as of position P lacks nothing that was committed before the primary was asked for
 * P. So a replica that is cut off grows old by itself, and an idle primary makes nobody look late.
 *
 * After a fail-over a replica may hold what the new primary never got, and be ahead of it: it then belongs to another
 * history, in which positions mean something else. It's told by being ahead of a primary that was asked after it, and
 * given no reads until it has been seen elsewhere than there, which takes a rewind: stuck, it never moves.
 *
 * While the primary is away, requests that only read (`core/read-only.ts`) are answered by a replica also where nothing
 * but the primary would do. That is as right as before, since nobody changes anything without a primary, and a replica
 * is asked only when it was seen to have replayed both the primary's last known position and every change that this
 * process was told of, of which the invalidation log goes on to tell while the primary is cut off from here alone. What
 * may be missed was committed and told to nobody, since the process that did it died before it answered. Pages say for
 * how long that may be, and there is a bound.
 *
 * The watch asks with a deadline. A replica that doesn't answer, or is further behind than the bound, is given no reads
 * until an answer says otherwise; so is one on which a read failed, and that read is done by the primary.
 */
import { sql } from "kysely";
import type { Logger } from "pino";
import { type Clock, sleep, within } from "../../core/clock.ts";
import { AppError, Unavailable } from "../../core/errors.ts";
import { type ReadOnlyRequest, readOnlyRequest } from "../../core/read-only.ts";
import { type Database, type Db, wasRolledBack } from "./pools.ts";

/** A position in PostgreSQL's log, in bytes. */
export type Lsn = bigint;

export interface Replica {
  /** As it may be shown: without a password. */
  readonly name: string;
  readonly database: Database;
}

/** How one reader may be answered, and how it was. */
export interface StaleReading {
  /** What the reader must see. Null: no replica will do. */
  readonly minLsn: Lsn | null;
  /** What was read lacks nothing that was committed longer ago than this. */
  staleMs: number;
}

/** For a read that must be of now. */
export const ofNow = (): StaleReading => ({ minLsn: null, staleMs: 0 });

export interface ReplicaState {
  readonly name: string;
  readonly takesReads: boolean;
  /** Null when it isn't known. */
  readonly lagMs: number | null;
  readonly lagBytes: number | null;
  /** Answered by it until now. */
  readonly reads: number;
}

const WATCH_MS = 100;
const ANSWER_MS_MAX = 1_000;
/** Longer than reads take, shorter than a reader waits: one that froze since the last look is given up. */
const READ_MS_MAX = 2_000;
/** Away is a primary that was asked in vain, and hasn't answered for as long as this. */
const AWAY_MS = 300;
/** Until all have been asked again. */
const SOON_MS = 300;
/** Another is the primary by then (design: writes are back within 30 s). */
const DEGRADED_MS_MAX = 30_000;
/** Positions of the primary that are remembered, with when each was asked for: 30 s. */
const POSITIONS_MOST = 300;

interface Watched extends Replica {
  replayed: Lsn | null;
  /** Where it was seen ahead of the primary. */
  strayedAt: Lsn | null;
  reads: number;
}

/** Of the primary, and when it was asked for. */
export interface Position {
  readonly lsn: Lsn;
  readonly askedMs: number;
}

class Late extends Error {
  constructor() {
    super(`no answer within ${READ_MS_MAX} ms`);
  }
}

export class ReplicaRouter implements AsyncDisposable {
  readonly #primary: Database;
  readonly #replicas: readonly Watched[];
  readonly #options: { lagMsMax: number; clock: Clock; log: Logger };
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;
  #positions: Position[] = [];
  #turn = 0;
  #primaryReads = 0;
  #isPrimarySilent = false;
  /**
   * What a replica must have to stand in for a primary that was last seen at this position: this, and whatever was told
   * of since. Null: writes may have gone unheard.
   */
  mustSee: (primary: Position) => Lsn | null = () => null;

  constructor(
    primary: Database,
    replicas: readonly Replica[],
    options: { lagMsMax: number; clock: Clock; log: Logger },
  ) {
    this.#primary = primary;
    this.#replicas = replicas.map((replica) => ({ ...replica, replayed: null, strayedAt: null, reads: 0 }));
    this.#options = options;
    this.#running = Promise.all(this.#replicas.map((replica) => this.#watch(replica)));
  }

  /** Where the primary's log ends now: nothing that was committed before lies behind it. */
  async currentLsn(): Promise<Lsn> {
    return lsnOf(this.#primary.db, sql`pg_current_wal_lsn()`);
  }

  async read<T>(reading: StaleReading, work: (db: Db) => Promise<T>): Promise<T> {
    const byPrimary = () => {
      this.#primaryReads++;
      return this.readNow(({ db }) => work(db), reading);
    };
    const replica = this.#choose(reading.minLsn);
    if (!replica) return byPrimary();
    const lagMs = this.#lagMs(replica) ?? 0;
    return this.#ask(replica, ({ db }) => work(db), reading, lagMs, byPrimary);
  }

  /**
   * What is now: of the primary, or, for a request that only reads, of a replica in its place. Throws Unavailable when
   * none can be.
   */
  async readNow<T>(work: (database: Database) => Promise<T>, reading: StaleReading = ofNow()): Promise<T> {
    const request = readOnlyRequest();
    if (!request) return work(this.#primary);
    if (this.primaryAwayMs === 0) {
      try {
        return await this.#unlessAway(work(this.#primary));
      } catch (err) {
        if (wasRolledBack(err) || err instanceof AppError) throw err;
      }
    }
    // It may take a moment until a replica was seen to have all that the primary had; or the primary is back.
    for (let waitedMs = 0; ; waitedMs += WATCH_MS) {
      const replica = this.#inPlaceOfPrimary();
      if (replica) return this.#standIn(replica, request, work, reading);
      if (waitedMs >= SOON_MS || this.#required() === null) break;
      await sleep(WATCH_MS);
    }
    if (this.primaryAwayMs > 0)
      throw new Unavailable("The main database can't be reached right now. Try again in a moment");
    return work(this.#primary);
  }

  /** The primary's answer, however long it takes, unless that goes away meanwhile. */
  async #unlessAway<T>(asked: Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await within(asked, SOON_MS, () => new Late());
      } catch (err) {
        if (!(err instanceof Late) || this.primaryAwayMs > 0) throw err;
      }
    }
  }

  #standIn<T>(
    replica: Watched,
    request: ReadOnlyRequest,
    work: (database: Database) => Promise<T>,
    reading: StaleReading,
  ): Promise<T> {
    const awayMs = this.#sinceAnswerMs();
    request.isDegraded = true;
    request.awayMs = Math.max(request.awayMs, awayMs);
    return this.#ask(replica, work, reading, awayMs, () => {
      const other = this.#inPlaceOfPrimary();
      const primary = () => work(this.#primary);
      return other && other !== replica ? this.#ask(other, work, reading, awayMs, primary) : primary();
    });
  }

  /** Where the primary was last seen, and when. */
  get lastSeen(): Position | null {
    return this.#positions.at(-1) ?? null;
  }

  /** For how long the primary hasn't answered; 0 while it does. */
  get primaryAwayMs(): number {
    const awayMs = this.#isPrimarySilent ? this.#sinceAnswerMs() : 0;
    return awayMs > AWAY_MS ? awayMs : 0;
  }

  /** Whether requests that only read can be answered without the primary. */
  get canStandIn(): boolean {
    return this.primaryAwayMs > 0 && this.#inPlaceOfPrimary() !== null;
  }

  async #ask<T>(
    replica: Watched,
    work: (database: Database) => Promise<T>,
    reading: StaleReading,
    lagMs: number,
    otherwise: () => Promise<T>,
  ): Promise<T> {
    try {
      const result = await within(work(replica.database), READ_MS_MAX, () => new Late());
      reading.staleMs = Math.max(reading.staleMs, lagMs);
      replica.reads++;
      return result;
    } catch (err) {
      // One that answers with an error is there: it had to give way to replay, or lacks what a migration has just made,
      // or the question is wrong, as the primary will say too. So is one that hasn't got what the work requires.
      if (!wasRolledBack(err) && !(err instanceof AppError)) this.#suspect(replica, err);
      return otherwise();
    }
  }

  /** Reads that a replica might have answered, but the primary had to. */
  get primaryReads(): number {
    return this.#primaryReads;
  }

  states(): ReplicaState[] {
    const newest = this.#positions.at(-1);
    return this.#replicas.map((replica) => ({
      name: replica.name,
      takesReads: this.#takesReads(replica),
      lagMs: this.#lagMs(replica),
      lagBytes:
        replica.replayed === null || !newest ? null : Math.max(0, Number(newest.lsn - replica.replayed)),
      reads: replica.reads,
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#replicas.map(({ database }) => database[Symbol.asyncDispose]()));
  }

  /** In turn, among those that have come far enough. */
  #choose(minLsn: Lsn | null): Watched | null {
    return minLsn === null ? null : this.#next(minLsn, (replica) => this.#takesReads(replica));
  }

  #inPlaceOfPrimary(): Watched | null {
    const minLsn = this.#required();
    return minLsn === null ? null : this.#next(minLsn, ({ strayedAt }) => strayedAt === null);
  }

  /** What a replica must have to stand in for the primary; null: none can. */
  #required(): Lsn | null {
    const newest = this.#positions.at(-1);
    return newest && this.#sinceAnswerMs() <= DEGRADED_MS_MAX ? this.mustSee(newest) : null;
  }

  #sinceAnswerMs(): number {
    const newest = this.#positions.at(-1);
    return newest ? Math.max(0, this.#options.clock.nowMs() - newest.askedMs) + 1 : 0;
  }

  #next(minLsn: Lsn, suits: (replica: Watched) => boolean): Watched | null {
    const count = this.#replicas.length;
    for (let i = 0; i < count; i++) {
      const replica = this.#replicas[(this.#turn + i) % count] as Watched;
      if (replica.replayed === null || replica.replayed < minLsn || !suits(replica)) continue;
      this.#turn = (this.#turn + i + 1) % count;
      return replica;
    }
    return null;
  }

  #takesReads(replica: Watched): boolean {
    const lagMs = this.#lagMs(replica);
    return lagMs !== null && lagMs <= this.#options.lagMsMax;
  }

  #lagMs({ replayed, strayedAt }: Watched): number | null {
    if (replayed === null || strayedAt !== null) return null;
    const reached = this.#positions.findLast(({ lsn }) => lsn <= replayed);
    // The clock cuts off parts of a millisecond. So no replica answers as of 0 ms, which tells of the primary.
    return reached ? Math.max(0, this.#options.clock.nowMs() - reached.askedMs) + 1 : null;
  }

  #suspect(replica: Watched, err: unknown): void {
    if (replica.replayed === null) return;
    replica.replayed = null;
    this.#options.log.warn({ err, replica: replica.name }, "a read failed on a replica: the primary does it");
  }

  /** Each by itself: one that hangs makes no other look late. */
  async #watch(replica: Watched): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#look(replica);
      await sleep(WATCH_MS, this.#stopping.signal);
    }
  }

  async #askPrimary(): Promise<Lsn | null> {
    const askedMs = this.#options.clock.nowMs();
    const lsn = await answerOf(this.currentLsn());
    this.#isPrimarySilent = lsn === null;
    // An answer that came late is older than what is known.
    if (lsn !== null && askedMs >= (this.#positions.at(-1)?.askedMs ?? 0))
      this.#positions = [...this.#positions.slice(1 - POSITIONS_MOST), { lsn, askedMs }];
    return lsn;
  }

  async #look(replica: Watched): Promise<void> {
    const took = this.#takesReads(replica);
    const replayed = await answerOf(lsnOf(replica.database.db, sql`pg_last_wal_replay_lsn()`));
    // Who waits for it to stand in shall not wait for the primary.
    if (this.#isPrimarySilent) replica.replayed = replayed;
    // Afterwards: of one history, the primary is as far by now.
    const primary = await this.#askPrimary();
    if (replayed !== null && primary !== null) {
      if (replayed > primary) replica.strayedAt = replayed;
      else if (replayed !== replica.strayedAt) replica.strayedAt = null;
    }
    replica.replayed = replayed;
    const takes = this.#takesReads(replica);
    if (took === takes || this.#stopping.signal.aborted) return;
    const about = { replica: replica.name, lagMs: this.#lagMs(replica) };
    if (takes) this.#options.log.info(about, "a replica takes reads");
    else this.#options.log.warn(about, "a replica is too far behind or doesn't answer: it takes no reads");
  }
}

/** Null for an error and for no answer in time; of a server that is no replica any more, too. */
function answerOf(asked: Promise<Lsn>): Promise<Lsn | null> {
  return within(asked, ANSWER_MS_MAX, () => new Error("no answer in time")).catch(() => null);
}

async function lsnOf(db: Db, position: ReturnType<typeof sql>): Promise<Lsn> {
  const { rows } = await sql<{ lsn: string }>`select ${position}::text as lsn`.execute(db);
  return parseLsn(rows[0]?.lsn ?? "");
}

/** As PostgreSQL writes it: two hexadecimal halves. Throws for anything else. */
export function parseLsn(text: string): Lsn {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? [];
  if (high === undefined || low === undefined) throw new Error(`"${text}" is no position in a log`);
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`.toUpperCase();
}
