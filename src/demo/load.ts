/**
 * Loads the demo: people, follows, posts and a user to look through.
 *
 * All of it, the row that says so included, is one transaction: killed at any moment, the database is as it was, and
 * the next call starts again. A second call finds the row and does nothing. Nothing goes through the event log: there
 * are no stored timelines yet, and they are built from these tables when first read. (Readers of the log wait for the
 * oldest running transaction, so they stand still for the seconds that this one takes.)
 */
import type pg from "pg";
import { hashPassword } from "../accounts/credentials.ts";
import { Conflict } from "../core/errors.ts";
import type { Database } from "../engines/database/pools.ts";
import type { MediaStore } from "../engines/media-store/port.ts";
import { copyRows, type TableRows } from "./copy.ts";
import { readCorpus } from "./corpus.ts";
import { addGuest, DEMO_LOGIN } from "./guest.ts";
import { addNeighbours, storePictures } from "./neighbourhood.ts";
import { readNeighbours } from "./neighbours.ts";
import { HOLDS_DEMO } from "./presence.ts";
import { tablesOf } from "./tables.ts";
import { buildWorld, type World } from "./world.ts";

export interface DemoSummary {
  readonly accounts: number;
  readonly follows: number;
  /** Boosts not counted. */
  readonly posts: number;
  readonly replies: number;
  readonly boosts: number;
  readonly favourites: number;
  /** What the replay has left of this telling. */
  readonly keptBack: number;
  /** False when it was there already. */
  readonly loadedNow: boolean;
  readonly login: typeof DEMO_LOGIN;
}

type Counted = Omit<DemoSummary, "loadedNow" | "login">;

export interface LoadOptions {
  /** Where the pictures go; without one they are missing. */
  readonly mediaStore?: MediaStore;
  readonly onProgress: (done: number, total: number, label: string) => void;
  readonly nowMs: number;
}

/** Throws Conflict when names that the demo needs belong to others. */
export async function loadDemo(
  roost: { database: Database; log: { info(context: object, sentence: string): void } },
  options: LoadOptions,
): Promise<DemoSummary> {
  const client = await roost.database.dedicated();
  try {
    const before = await loadedSummary(client);
    if (before) return before;
    options.onProgress(0, 1, "Reading the demo");
    const [corpus, neighbours] = await Promise.all([readCorpus(), readNeighbours()]);
    const world = buildWorld(corpus, neighbours, options.nowMs);
    addNeighbours(world, neighbours, options.nowMs);
    const guest = addGuest(world, corpus, options.nowMs);
    if (options.mediaStore) await storePictures(world, options.mediaStore);
    const summary = await writeOnce(client, world, tablesOf(world, guest, neighbours), options);
    if (summary.loadedNow) {
      await client.query("analyze");
      roost.log.info({ ...summary, login: undefined }, "demo loaded");
    }
    return summary;
  } finally {
    await client.end();
  }
}

async function writeOnce(
  client: pg.Client,
  world: World,
  tables: readonly TableRows[],
  options: LoadOptions,
): Promise<DemoSummary> {
  const passwordHash = await hashPassword(DEMO_LOGIN.password);
  await client.query("begin");
  try {
    // Two loaders at once: the second waits here, then finds the work done.
    await client.query("select pg_advisory_xact_lock(hashtextextended('roost demo', 0))");
    const before = await loadedSummary(client);
    if (before) {
      await client.query("rollback");
      return before;
    }
    await requireFreeNames(client, world);
    await copyTables(client, tables, options.onProgress);
    await client.query(
      `insert into credentials (account_id, email, password_hash, confirmed_at, locale)
       values ($1, $2, $3, now(), 'en')`,
      [world.demo.id, DEMO_LOGIN.email, passwordHash],
    );
    const counted = countWorld(world);
    await recordLoaded(client, counted, options.nowMs);
    await client.query("commit");
    return { ...counted, loadedNow: true, login: DEMO_LOGIN };
  } catch (error) {
    // A connection that broke has rolled back by itself.
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

async function copyTables(
  client: pg.Client,
  tables: readonly TableRows[],
  onProgress: LoadOptions["onProgress"],
): Promise<void> {
  const total = tables.reduce((sum, { rows }) => sum + rows.length, 0);
  let done = 0;
  for (const table of tables) {
    await copyRows(client, table, (count) => {
      done += count;
      onProgress(done, total, "Loading the demo");
    });
  }
}

async function requireFreeNames(client: pg.Client, world: World): Promise<void> {
  const { rows } = await client.query<{ username: string }>(
    `select username from accounts where lower(username) = any($1::text[])
     union all select email from credentials where lower(email) = $2 limit 3`,
    [world.accounts.map((account) => account.username), DEMO_LOGIN.email],
  );
  if (rows.length === 0) return;
  const names = rows.map((row) => row.username).join(", ");
  throw new Conflict(`The demo needs names that are taken (${names}): load it into an empty data directory`);
}

function countWorld({ accounts, follows, statuses, favourites, schedule }: World): Counted {
  const boosts = statuses.filter((status) => status.reblogOf).length;
  return {
    accounts: accounts.length,
    follows: follows.length,
    posts: statuses.length - boosts,
    replies: statuses.filter((status) => status.inReplyTo).length,
    boosts,
    favourites: favourites.length,
    keptBack: schedule.atMs.filter((atMs) => atMs === null).length,
  };
}

/** The demo's own table: it isn't part of the schema, since most databases never see a demo. */
async function recordLoaded(client: pg.Client, counted: Counted, nowMs: number): Promise<void> {
  await client.query(
    `create table if not exists demo (
       only_row boolean primary key default true check (only_row),
       loaded_at timestamptz not null,
       summary jsonb not null,
       replay_round int not null default 0,
       replay_position int not null default 0
     )`,
  );
  await client.query("insert into demo (loaded_at, summary) values ($1, $2)", [
    new Date(nowMs),
    JSON.stringify(counted),
  ]);
}

async function loadedSummary(client: pg.Client): Promise<DemoSummary | null> {
  const { rows: tables } = await client.query<{ holds: boolean }>(HOLDS_DEMO);
  if (!tables[0]?.holds) return null;
  const { rows } = await client.query<{ summary: Counted }>("select summary from demo");
  return rows[0] ? { ...rows[0].summary, loadedNow: false, login: DEMO_LOGIN } : null;
}
