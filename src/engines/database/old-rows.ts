/**
 * Going once over what older versions wrote, by its ids, in small steps that may be interrupted anywhere and done
 * twice. One place is kept for all databases, so that shards may move meanwhile: what lies below it was looked at
 * wherever it was. It ends some time after this version began, when none before it runs any more (`recount_progress`).
 */
import { sql } from "kysely";
import { type Clock, sleep } from "../../core/clock.ts";
import { descending, idAtMs } from "../../core/ids.ts";
import type { Database, Db } from "./pools.ts";

export interface Range {
  readonly above: bigint;
  readonly upTo: bigint;
  readonly limit: number;
}

export interface OldRows<Row extends { readonly id: bigint }> {
  readonly what: "statuses" | "notifications";
  /** By id, the lowest first. */
  readonly read: (db: Db, range: Range) => Promise<readonly Row[]>;
  readonly handle: (rows: readonly Row[]) => Promise<void>;
}

const ROWS_AT_ONCE = 1_000;
const PAUSE_MS = 20;
/** What is being written may still commit with an id of before. */
const COMMIT_MS_MAX = 60_000;

export async function goOverOldRows<Row extends { readonly id: bigint }>(
  { database, clock, signal }: { database: Database; clock: Clock; signal: AbortSignal },
  { what, read, handle }: OldRows<Row>,
): Promise<void> {
  const settled = idAtMs(clock.nowMs() - COMMIT_MS_MAX);
  while (!signal.aborted) {
    const place = await placeOf(database.db, what);
    const upTo = lowest([settled, place.ends_at]);
    if (place.done_to >= upTo) return;
    const range = { above: place.done_to, upTo, limit: ROWS_AT_ONCE };
    const parts = await database.shards.gather(async ({ db }) => [await read(db, range)]);
    const reached = parts.flatMap((rows) => (rows.length < ROWS_AT_ONCE ? [] : (rows.at(-1)?.id ?? [])));
    const doneTo = lowest([upTo, ...reached]);
    await handle(parts.flatMap((rows) => rows.filter(({ id }) => id <= doneTo)));
    await sql`update recount_progress set done_to = greatest(done_to, ${doneTo}) where what = ${what}`.execute(
      database.db,
    );
    await sleep(PAUSE_MS, signal);
  }
}

function lowest(ids: readonly [bigint, ...bigint[]]): bigint {
  return [...ids].sort((a, b) => descending(b, a))[0] as bigint;
}

async function placeOf(db: Db, what: string): Promise<{ done_to: bigint; ends_at: bigint }> {
  const { rows } = await sql<{ done_to: bigint; ends_at: bigint }>`
    select done_to, ends_at from recount_progress where what = ${what}`.execute(db);
  return rows[0] ?? { done_to: 0n, ends_at: 0n };
}
