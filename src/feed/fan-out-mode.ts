/**
 * Push or pull, as data: rows (account, from status id, mode). Ids from a switch point on are delivered the new way.
 *
 * Writer and reader may know of a switch at different moments. Each stretch is therefore stretched at its end by an
 * overlap, in which both ways are used: a planner that hasn't heard of the switch still pushes what readers already
 * pull, and the other way round. An id reached both ways is one id. So being late by less than the overlap is harmless,
 * and no lock is needed between posting, switching and reading.
 */
import { sql } from "kysely";
import { invariant } from "../core/errors.ts";
import { type AccountId, MAX_ID, type StatusId, shardOfId } from "../core/ids.ts";
import type { Invalidate } from "../core/invalidation.ts";
import { isDegraded } from "../core/read-only.ts";
import { SingleFlight } from "../core/single-flight.ts";
import type { Database } from "../engines/database/pools.ts";

export type FanOutMode = "push" | "pull";

/** Ids in [from, to) */
export interface IdRange {
  readonly from: StatusId;
  readonly to: StatusId;
}

interface AuthorModes {
  readonly current: FanOutMode;
  readonly pushed: readonly IdRange[];
  readonly pulled: readonly IdRange[];
}

const MILLISECONDS_SHIFT = 22n;

export class FanOutModes {
  readonly #database: Database;
  readonly #invalidate: Invalidate;
  readonly #overlapIds: bigint;
  readonly #maxAgeMs: number;
  readonly #flight = new SingleFlight<"modes", ReadonlyMap<AccountId, AuthorModes>>();
  #known: ReadonlyMap<AccountId, AuthorModes> | null = null;
  #knownAtMs = 0;

  constructor(options: {
    database: Database;
    invalidate: Invalidate;
    overlapMs: number;
    maxAgeMs: number | null;
  }) {
    this.#database = options.database;
    this.#invalidate = options.invalidate;
    this.#maxAgeMs = options.maxAgeMs ?? Number.POSITIVE_INFINITY;
    this.#overlapIds = BigInt(options.overlapMs) << MILLISECONDS_SHIFT;
  }

  /** Authors with other than the default mode, push for every id. Few: those who are or were in pull mode. */
  async all(): Promise<ReadonlyMap<AccountId, AuthorModes>> {
    return this.peek() ?? this.#flight.run("modes", () => this.#load());
  }

  /** As `all`, if already known. */
  peek(): ReadonlyMap<AccountId, AuthorModes> | null {
    return performance.now() - this.#knownAtMs < this.#maxAgeMs ? this.#known : null;
  }

  /** Switches from the next status id on. A mode that is already current stays. */
  async switchTo(authorId: AccountId, mode: FanOutMode): Promise<void> {
    const current = (await this.all()).get(authorId)?.current ?? "push";
    if (current === mode) return;
    const { shards, db } = this.#database;
    const from = shards.isOne
      ? sql`next_id(${shardOfId(authorId)})`
      : sql`${await this.#nextId(authorId)}::bigint`;
    await sql`insert into fan_out_modes (account_id, from_status_id, mode)
      values (${authorId}, ${from}, ${mode})`.execute(db);
    await this.#invalidate({ fanOutModes: true });
  }

  /** From where the author's statuses get theirs, which it is compared with: clocks of databases differ. */
  async #nextId(authorId: AccountId): Promise<StatusId> {
    const { db } = this.#database.shards.of(authorId);
    const { rows } = await sql<{ id: StatusId }>`select next_id(${shardOfId(authorId)}) as id`.execute(db);
    const [row] = rows;
    invariant(row, "a select of one value gives a row");
    return row.id;
  }

  invalidate(): void {
    this.#known = null;
    // A load under way may have read the rows of before: the flight it serves is not stored, see `#load`.
    this.#generation++;
  }

  #generation = 0;

  async #load(): Promise<ReadonlyMap<AccountId, AuthorModes>> {
    for (;;) {
      const generation = this.#generation;
      const readAtMs = performance.now();
      const statement = sql<{ account_id: AccountId; from_status_id: StatusId; mode: FanOutMode }>`
        select account_id, from_status_id, mode from fan_out_modes order by account_id, from_status_id`;
      const { rows } = await this.#database.readNow(({ db }) => statement.execute(db));
      if (generation !== this.#generation) continue;
      const byAuthor = Map.groupBy(rows, (row) => row.account_id);
      const modes = new Map([...byAuthor].map(([id, switches]) => [id, modesOf(switches, this.#overlapIds)]));
      // What a replica says in the place of the primary is for who asked.
      if (isDegraded()) return modes;
      this.#known = modes;
      this.#knownAtMs = readAtMs;
      return modes;
    }
  }
}

export function isPushed(
  modes: ReadonlyMap<AccountId, AuthorModes>,
  authorId: AccountId,
  id: StatusId,
): boolean {
  const author = modes.get(authorId);
  return author === undefined || author.pushed.some((range) => id >= range.from && id < range.to);
}

export function modesOf(
  switches: readonly { from_status_id: StatusId; mode: FanOutMode }[],
  overlapIds: bigint,
): AuthorModes {
  const pushed: IdRange[] = [];
  const pulled: IdRange[] = [];
  let from = 0n;
  let mode: FanOutMode = "push";
  for (const next of switches) {
    (mode === "push" ? pushed : pulled).push({ from, to: next.from_status_id + overlapIds });
    from = next.from_status_id;
    mode = next.mode;
  }
  (mode === "push" ? pushed : pulled).push({ from, to: MAX_ID });
  return { current: mode, pushed, pulled };
}
