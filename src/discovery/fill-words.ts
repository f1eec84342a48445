/**
 * Fills in the words that search looks in. New posts are read from their table, by their ids, so that publishing has
 * no more to write; posts of before come after those, newest first. Until words are there, search reads the posts
 * themselves, so nothing waits for this.
 *
 * Each step is a transaction that holds `search_progress`: of several processes one does it.
 */
import { type RawBuilder, sql } from "kysely";
import type { Logger } from "pino";
import { sleep } from "../core/clock.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import { timeOfIdMs } from "../core/ids.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import { isMoving } from "../engines/database/shards.ts";
import { LATE_IDS } from "./search-statuses.ts";
import { type SearchedStatus, searchedStatuses, wordsOfStatus } from "./searched-statuses.ts";
import { vectorText, wordsOf } from "./words.ts";

const ROWS_A_STEP = 500;
/** A step takes a twentieth of the time at most, so that posting and reading don't get slower. */
const REST = 19;
/** How often posts are looked for that were committed later than others with higher ids. */
const LATE_EVERY_MS = 20_000;
const TELL_EVERY_MS = 10_000;

/** Handle and display name, as search compares them. */
export const wordsOfAccount = (account: { username: string; display_name: string }) =>
  wordsOf([account.username, account.display_name]);

/** Makes words for the accounts that are new or have another name. Resolves to how many those were. */
export async function fillAccountWords({ db }: Database, signal: AbortSignal, rest = REST): Promise<number> {
  return inSteps(signal, rest, async () => {
    const { rows } = await sql<{ some: boolean }>`
      select exists (select 1 from accounts where words is null) as some`.execute(db);
    return rows[0]?.some ? db.transaction().execute(fillAccounts) : 0;
  });
}

async function fillAccounts(tx: Db): Promise<number> {
  const { rows } = await sql<{ id: AccountId; username: string; display_name: string }>`
    select id, username, display_name from accounts where words is null
    limit ${ROWS_A_STEP} for update skip locked`.execute(tx);
  const words = rows.map((row) => vectorText(wordsOfAccount(row)));
  await sql`update accounts a set words = given.words::tsvector
    from unnest(${rows.map(({ id }) => id)}::bigint[], ${words}::text[]) as given (id, words)
    where a.id = given.id`.execute(tx);
  return rows.length;
}

export interface StatusFilling {
  /** Resolves when all posts of now have their words, to how many had none. */
  run(signal: AbortSignal): Promise<number>;
}

export function statusFilling(
  database: Database,
  log: Logger,
  nowMs: () => number,
  rest = REST,
): StatusFilling {
  const tellers = new Map<Database, (step: Step) => void>();
  let lateAtMs = Number.NEGATIVE_INFINITY;
  return {
    run: async (signal) => {
      const isLateDue = nowMs() - lateAtMs >= LATE_EVERY_MS;
      let filled = 0;
      for (const one of database.shards.all) {
        const tell = tellers.get(one) ?? teller(log, nowMs);
        tellers.set(one, tell);
        filled += await inSteps(signal, rest, async () => {
          let most = 0;
          for (const fill of await due(one, isLateDue)) {
            const step = await stepIn(one, fill);
            if (step) tell(step);
            most = Math.max(most, step?.rows ?? 0);
          }
          return most;
        });
      }
      if (isLateDue && !signal.aborted) lateAtMs = nowMs();
      return filled;
    },
  };
}

/** Repeats a step as long as there is as much to do as one does, or was by any of its parts. */
async function inSteps(signal: AbortSignal, rest: number, step: () => Promise<number>): Promise<number> {
  for (let rows = 0; ; ) {
    const startedAtMs = performance.now();
    const done = await step();
    rows += done;
    if (done < ROWS_A_STEP || signal.aborted) return rows;
    await sleep(rest * (performance.now() - startedAtMs), signal);
    if (signal.aborted) return rows;
  }
}

interface Step {
  readonly rows: number;
  /** Down to where posts of before have come, when the step was about them; 0n: all have. */
  readonly from?: bigint;
}

type Fill = (tx: Db) => Promise<Step | null>;

/** What there is to do. Asked before anything is locked: locking writes, and most of the time there is nothing. */
async function due({ db }: Database, isLateDue: boolean): Promise<Fill[]> {
  const { rows } = await sql<Record<"new" | "edited" | "late" | "old", boolean>>`
    select exists (select 1 from statuses where id > p.filled_to) as new,
      exists (select 1 from status_words where words is null) as edited,
      ${isLateDue} and exists (${late(sql`p.filled_from`, sql`p.filled_to`)}) as late,
      p.filled_from > 0 as old
    from search_progress p`.execute(db);
  const [is] = rows;
  if (!is) return [begin];
  return [
    ...(is.new ? [fillNew] : []),
    ...(is.edited ? [fillEdited] : []),
    ...(is.late ? [fillLate] : []),
    ...(is.old ? [fillOld] : []),
  ];
}

/** Null: another process is at it, or the rows are just moving to another database. */
async function stepIn({ db }: Database, fill: Fill): Promise<Step | null> {
  try {
    return await db.transaction().execute(fill);
  } catch (error) {
    if (isMoving(error)) return null;
    throw error;
  }
}

interface Progress {
  readonly filled_from: bigint;
  readonly filled_to: bigint;
}

async function claim(tx: Db): Promise<Progress | null> {
  const { rows } = await sql<Progress>`
    select filled_from, filled_to from search_progress for update skip locked`.execute(tx);
  return rows[0] ?? null;
}

/** At first, all posts are of before. */
async function begin(tx: Db): Promise<Step> {
  await sql`insert into search_progress (filled_from, filled_to)
    select id, id from (select coalesce(max(id), 0) as id from statuses) newest on conflict do nothing`.execute(
    tx,
  );
  return { rows: ROWS_A_STEP };
}

async function fillNew(tx: Db): Promise<Step | null> {
  const progress = await claim(tx);
  if (!progress) return null;
  const { rows } = await sql<{ id: StatusId }>`
    select id from statuses where id > ${progress.filled_to} order by id limit ${ROWS_A_STEP}`.execute(tx);
  const last = rows.at(-1);
  if (!last) return null;
  await fill(tx, rows);
  await sql`update search_progress set filled_to = ${last.id}`.execute(tx);
  return { rows: rows.length };
}

async function fillOld(tx: Db): Promise<Step | null> {
  const progress = await claim(tx);
  if (!progress || progress.filled_from === 0n) return null;
  const { rows } = await sql<{ id: StatusId }>`
    select id from statuses where id <= ${progress.filled_from} order by id desc limit ${ROWS_A_STEP}`.execute(
    tx,
  );
  await fill(tx, rows);
  const last = rows.at(-1);
  const from = last === undefined || rows.length < ROWS_A_STEP ? 0n : last.id - 1n;
  await sql`update search_progress set filled_from = ${from}`.execute(tx);
  return { rows: rows.length, from };
}

const late = (from: RawBuilder<unknown>, to: RawBuilder<unknown>) => sql`
  select id from statuses s where id > greatest(${from}, ${to} - ${LATE_IDS}::bigint) and id <= ${to}
    and reblog_of_id is null and not exists (select 1 from status_words where status_id = s.id)`;

async function fillLate(tx: Db): Promise<Step | null> {
  const progress = await claim(tx);
  if (!progress) return null;
  const { rows } = await sql<{ id: StatusId }>`
    ${late(sql`${progress.filled_from}::bigint`, sql`${progress.filled_to}::bigint`)}
    limit ${ROWS_A_STEP}`.execute(tx);
  await fill(tx, rows);
  return { rows: rows.length };
}

/** Its words were dropped by the edit, and so is the row when the post is gone. */
async function fillEdited(tx: Db): Promise<Step | null> {
  const { rows } = await sql<{ id: StatusId }>`
    delete from status_words where status_id in (
      select status_id from status_words where words is null limit ${ROWS_A_STEP} for update skip locked)
    returning status_id as id`.execute(tx);
  await fill(tx, rows);
  return { rows: rows.length };
}

/** An edit that comes at the same time waits at the post's row until this is committed, or is waited for. */
async function fill(tx: Db, ids: readonly { readonly id: StatusId }[]): Promise<void> {
  if (ids.length === 0) return;
  const given = ids.map(({ id }) => id);
  const locked = sql`select id from statuses where id = any(${given}::bigint[]) and reblog_of_id is null
    and not exists (select 1 from status_words where status_id = statuses.id)`;
  const { rows } = await sql<SearchedStatus>`${searchedStatuses(locked)}`.execute(tx);
  const words = rows.map((row) => vectorText(wordsOfStatus(row)));
  await sql`insert into status_words (status_id, words)
    select id, words::tsvector from unnest(${rows.map(({ id }) => id)}::bigint[], ${words}::text[]) as given (id, words)
    on conflict do nothing`.execute(tx);
}

function teller(log: Logger, nowMs: () => number): (step: Step) => void {
  let filled = 0;
  let toldAtMs = nowMs();
  return ({ rows, from }) => {
    if (from === undefined) return;
    filled += rows;
    if (from === 0n) {
      log.info({ posts: filled }, "all posts can be searched by their words");
    } else if (nowMs() - toldAtMs >= TELL_EVERY_MS) {
      toldAtMs = nowMs();
      const since = new Date(timeOfIdMs(from)).toISOString();
      log.info({ posts: filled, since }, "posts are made ready to be searched");
    }
  };
}
