/**
 * Moving logical shards from one database to another, while servers write.
 *
 * Triggers log what changes of them (`migrations/0006-shard-moves.ts`) while a snapshot is copied; then the log is
 * worked off in rounds. For the last round writers wait at a lock on the tables, so what is copied is all there
 * is. From then on the old database refuses to change their rows, and the new one does, too, until the map says
 * where they are, what is there was compared with what was here, and every server has surely read the new map
 * (`MAP_LEASE_MS`). Only then does anything change, so whoever still reads the old rows until then reads what is
 * true. A refused write is tried again by who answers the request; it has changed nothing.
 *
 * Ended in the middle, a move is begun anew, or, when the map was changed already, finished: by the same command.
 */
import { sql } from "kysely";
import type pg from "pg";
import { sleep } from "../../core/clock.ts";
import { UnusableSetup } from "../../core/errors.ts";
import { CONNECT_MS_MAX, type Db } from "./pools.ts";
import { MAP_LEASE_MS } from "./shard-map.ts";
import {
  copyTable,
  copyUnits,
  OWNED,
  REACTIONS_LEFT,
  reactionsTo,
  shardOf,
  TRIGGERED,
  type Unit,
} from "./shard-rows.ts";

export interface Move {
  /** Sessions of one's own; nothing else runs on them. */
  readonly main: pg.Client;
  readonly from: pg.Client;
  readonly to: pg.Client;
  /**
   * The logs that events go through until reactions are counted by them, in their order. Each notes what it holds when
   * it is called, and resolves to a question: whether that was handled.
   */
  readonly logs: readonly (() => Promise<() => Promise<boolean>>)[];
  readonly shards: readonly number[];
  readonly onStep: (what: string) => void;
}

export interface Moved {
  readonly rows: number;
  readonly changes: number;
  /** How long nothing of these shards could be changed. */
  readonly pauseMs: number;
}

/** Shards whose move away from this database was begun and not finished. */
export async function unfinishedIn(db: Db): Promise<number[]> {
  const { rows } = await sql<{
    shard: number;
  }>`select shard from shard_moves where state <> 'moving'`.execute(db);
  return rows.map((row) => row.shard);
}

const CHANGES_AT_ONCE = 1_000;
/** Few enough to be copied while writers wait. */
const CHANGES_FOR_LAST_ROUND = 100;
const LOCK_MS = 300;
const DRAIN_MS_MAX = 120_000;
const LOCK_TRIES = 100;

export async function moveShards(move: Move): Promise<Moved> {
  const { main, from, to, shards, onStep } = move;
  for (const client of [from, to]) await client.query("set roost.moves_shards = 'on'");
  const identity = async (client: pg.Client) =>
    (await client.query<{ id: string }>("select id from database_identity")).rows[0]?.id ?? "";
  const [fromId, toId] = [await identity(from), await identity(to)];
  const held = await holdersOf(move);
  if (held.size === 1 && held.has(toId)) {
    onStep("the map has them there already: finishing");
    const startedAtMs = performance.now();
    await finish(move, fromId, toId, startedAtMs);
    return { rows: 0, changes: 0, pauseMs: performance.now() - startedAtMs };
  }
  if (held.size !== 1 || !held.has(fromId))
    throw new UnusableSetup("These shards are not all in the database they are to be moved from");
  onStep("waiting for events of before");
  await drained(move.logs);
  let copied: Awaited<ReturnType<typeof copyAndClose>>;
  try {
    copied = await copyAndClose(move, await shardsIn(move, toId));
    await main.query("begin");
    await main.query("update shard_map set database_id = $1 where shard = any($2::int[])", [toId, shards]);
    await main.query("update shard_map_version set version = version + 1");
  } catch (error) {
    // The map still says that they are here, and here nothing is missing.
    await from.query("rollback");
    await unwatch(from, shards);
    await to.query("rollback");
    await unwatch(to, shards);
    throw error;
  }
  // If its answer is lost, the same command finds out what became of it.
  await main.query("commit");
  onStep("switched; waiting until every server knows");
  const pauseMs = await finish(move, fromId, toId, copied.closedAtMs);
  return { rows: copied.rows, changes: copied.changes, pauseMs };
}

/** Afterwards both have the same, and neither takes changes. */
async function copyAndClose(
  move: Move,
  here: readonly number[],
): Promise<{ rows: number; changes: number; closedAtMs: number }> {
  const { from, to, shards, onStep } = move;
  onStep("watching changes");
  await watch(move);
  onStep("copying");
  await clear(to, shards);
  await from.query("begin isolation level repeatable read");
  let rows = 0;
  for (const table of OWNED) rows += await copyTable(from, to, table, shards);
  rows += await copyReactions(move, here, null);
  await from.query("commit");
  onStep(`${rows} rows copied; catching up`);
  let changes = 0;
  for (let done = CHANGES_FOR_LAST_ROUND; done >= CHANGES_FOR_LAST_ROUND; changes += done)
    done = await catchUp(move, here);
  const closedAtMs = performance.now();
  await lockTables(from);
  for (let done = 1; done > 0; changes += done) done = await catchUp(move, here);
  await bringNumbers(from, to);
  await from.query("update shard_moves set state = 'closed' where shard = any($1::int[])", [shards]);
  await from.query("commit");
  await verify(move);
  return { rows, changes, closedAtMs };
}

/** Everything after the map was changed; may be done twice. Resolves to the pause since `startedAtMs`. */
async function finish(move: Move, fromId: string, toId: string, startedAtMs: number): Promise<number> {
  const { main, from, to, shards } = move;
  // Servers that can't ask the main database see by it that their map holds no longer. Not before the map has changed:
  // one that counted in between would take this map for one of after the departure. Those that can count anew once the
  // main database's version has changed, so that is last.
  for (const client of [from, main]) await client.query("update shard_map_version set version = version + 1");
  const untilMs = performance.now() + MAP_LEASE_MS;
  await from.query(REACTIONS_LEFT, [shards, await shardsIn(move, fromId)]);
  await to.query(
    `delete from remote_reactions
     where ${shardOf("source_id")} = any($1::int[]) and ${shardOf("status_id")} = any($2::int[])`,
    [shards, await shardsIn(move, toId)],
  );
  await sleep(Math.max(0, untilMs - performance.now()));
  await from.query("update shard_moves set state = 'gone' where shard = any($1::int[])", [shards]);
  await to.query("delete from shard_moves where shard = any($1::int[])", [shards]);
  await lookThroughAgain(from, to);
  const pauseMs = performance.now() - startedAtMs;
  // Who chose this database by the old map may still wait for a connection to it: a read must find the rows that were
  // there, and a write the trigger that refuses it.
  move.onStep("changes go on; waiting for the last readers of the old rows");
  await sleep(CONNECT_MS_MAX + 500);
  move.onStep("clearing the old rows");
  await clear(from, shards);
  await unwatch(from, shards);
  await unwatch(to, shards);
  return pauseMs;
}

/**
 * Posts that haven't been looked through for their hashtags in the old database (`statuses/retag.ts`) are so in the new
 * one. The old one left out what was moving, and may have come to its end since.
 */
async function lookThroughAgain(from: pg.Client, to: pg.Client): Promise<void> {
  const { rows } = await from.query(
    "select 1 from retagging where ended_at is null or ended_at > now() - interval '1 day'",
  );
  if (rows.length === 0) return;
  await to.query("update retagging set lap = 1, status_id = 0, began_at = now(), ended_at = null");
}

/**
 * Reactions that no request could count are counted by their events, which takes it that shards moved once since. So
 * those of before this move must have been handled.
 */
async function drained(logs: Move["logs"]): Promise<void> {
  const untilMs = performance.now() + DRAIN_MS_MAX;
  // One after the other: what was in the first when it was noted is in the second, or handled, when that is noted.
  for (const checkpoint of logs) {
    const isHandled = await checkpoint();
    while (!(await isHandled())) {
      if (performance.now() > untilMs)
        throw new UnusableSetup(
          "Events wait to be handled: see `roost events lag`, and move shards when they are",
        );
      await sleep(50);
    }
  }
}

async function holdersOf({ main, shards }: Move): Promise<ReadonlySet<string>> {
  const { rows } = await main.query<{ id: string }>(
    "select distinct database_id::text as id from shard_map where shard = any($1::int[])",
    [shards],
  );
  return new Set(rows.map((row) => row.id));
}

async function shardsIn({ main }: Move, id: string): Promise<number[]> {
  const { rows } = await main.query<{ shard: number }>("select shard from shard_map where database_id = $1", [
    id,
  ]);
  return rows.map((row) => row.shard);
}

async function watch({ from, to, shards }: Move): Promise<void> {
  const state = (client: pg.Client, name: string) =>
    client.query(
      `insert into shard_moves (shard, state) select s, $2 from unnest($1::int[]) s
       on conflict (shard) do update set state = excluded.state`,
      [shards, name],
    );
  await state(from, "moving");
  await state(to, "closed");
  await from.query("delete from shard_changes");
  for (const client of [from, to]) {
    for (const { name, owner, unit } of TRIGGERED) {
      const names = [owner, ...unit].map((column) => `'${column}'`).join(", ");
      await patiently(client, [
        `create or replace trigger shard_row_changes after insert or update or delete on ${name}
         for each row execute function shard_row_changes(${names})`,
      ]);
    }
  }
}

async function unwatch(client: pg.Client, shards: readonly number[]): Promise<void> {
  await client.query("delete from shard_moves where shard = any($1::int[])", [shards]);
  const { rows } = await client.query("select 1 from shard_moves limit 1");
  if (rows.length > 0) return;
  for (const { name } of TRIGGERED)
    await patiently(client, [`drop trigger if exists shard_row_changes on ${name}`]);
  await client.query("delete from shard_changes");
}

/** In one transaction that waits for no lock for long: who comes after it waits, too. */
async function patiently(client: pg.Client, statements: readonly string[], stays = false): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      await client.query("begin");
      await client.query(`set local lock_timeout = ${LOCK_MS}`);
      for (const statement of statements) await client.query(statement);
      if (!stays) await client.query("commit");
      return;
    } catch (error) {
      await client.query("rollback");
      const { code } = error as { code?: string };
      // Not had in time, or had by two each of which waits for the other.
      if ((code !== "55P03" && code !== "40P01") || tried === LOCK_TRIES) throw error;
      await sleep(20 + Math.min(200, 10 * tried));
    }
  }
}

/** Whoever writes is waited for, and whoever comes waits: reads go on. The transaction stays open. */
async function lockTables(from: pg.Client): Promise<void> {
  const names = TRIGGERED.map(({ name }) => name).join(", ");
  await patiently(from, [`lock table ${names} in share row exclusive mode`], true);
}

async function clear(client: pg.Client, shards: readonly number[]): Promise<void> {
  for (const { name, owner } of TRIGGERED)
    await client.query(`delete from ${name} where ${shardOf(owner)} = any($1::int[])`, [shards]);
}

/** One round of the log; resolves to how many changes it had. */
async function catchUp(move: Move, here: readonly number[]): Promise<number> {
  const { from, to } = move;
  const { rows } = await from.query<{ position: string; table_name: string } & Unit>(
    "select position, table_name, a::text, b from shard_changes order by position limit $1",
    [CHANGES_AT_ONCE],
  );
  if (rows.length === 0) return 0;
  const distinct = [...new Map(rows.map((row) => [`${row.table_name} ${row.a} ${row.b}`, row])).values()];
  await to.query("begin");
  for (const [name, units] of Map.groupBy(distinct, (row) => row.table_name)) {
    const table = OWNED.find((one) => one.name === name);
    if (table) await copyUnits(from, to, table, units);
    else if (name === "reaction") await copyReactions(move, here, units);
  }
  await to.query("commit");
  // By what was read, not by how far: one that commits late has an early position.
  await from.query("delete from shard_changes where position = any($1::bigint[])", [
    rows.map((row) => row.position),
  ]);
  return rows.length;
}

/** All of them, or those that were logged, each as status and "kind:source". */
async function copyReactions(
  { from, to, shards }: Move,
  here: readonly number[],
  units: readonly Unit[] | null,
): Promise<number> {
  const parents = units?.map(({ a }) => a) ?? [];
  const found = await from.query<{ status_id: string; kind: number; source_id: string; is_counted: boolean }>(
    reactionsTo((parent) => (units ? `${parent} = any($3::bigint[])` : "true")),
    units ? [shards, here, parents] : [shards, here],
  );
  const named = units?.map(({ a, b }) => `${a}:${b}`) ?? [];
  const isNamed = new Set(named);
  const rows = found.rows.filter(
    (row) => !units || isNamed.has(`${row.status_id}:${row.kind}:${row.source_id}`),
  );
  if (units) {
    await to.query(
      `delete from remote_reactions t using unnest($1::text[]) u (name), lateral string_to_array(u.name, ':') p
       where t.status_id = p[1]::bigint and t.kind = p[2]::int and t.source_id = p[3]::bigint`,
      [named],
    );
  }
  // What comes from the new database's own shards is there as a row of its own.
  await to.query(
    `insert into remote_reactions (status_id, kind, source_id, is_counted)
     select s, k, r, c from unnest($1::bigint[], $2::int[], $3::bigint[], $4::boolean[]) as u (s, k, r, c)
     where ${shardOf("r")} <> all($5::int[]) on conflict do nothing`,
    [
      rows.map((row) => row.status_id),
      rows.map((row) => row.kind),
      rows.map((row) => row.source_id),
      rows.map((row) => row.is_counted),
      here,
    ],
  );
  return rows.length;
}

/** What the new database numbers from now on comes after what was numbered here; its clock may be behind. */
async function bringNumbers(from: pg.Client, to: pg.Client): Promise<void> {
  for (const name of ["id_clock", "favourites_id_seq", "bookmarks_id_seq"]) {
    const { rows } = await from.query<{ value: string | null }>(
      "select pg_sequence_last_value($1::regclass)::text as value",
      [name],
    );
    const value = rows[0]?.value ?? null;
    if (value === null) continue;
    await to.query(
      "select setval($1::regclass, greatest($2::bigint, coalesce(pg_sequence_last_value($1::regclass), 0)))",
      [name, value],
    );
  }
  // Of the posts that came, some may have no words for search yet: all are looked through again, in the background.
  await to.query("update search_progress set filled_from = filled_to");
}

/** Counts and a sum of what tells rows apart, of both sides; nothing changes on either meanwhile. */
async function verify({ from, to, shards, onStep }: Move): Promise<void> {
  for (const { name, owner, unit } of OWNED) {
    const key = unit.map((column) => `${column}::text`).join(" || ':' || ");
    const query = `select count(*)::text as rows, coalesce(sum(hashtextextended(${key}, 0)::numeric), 0)::text as sum
      from ${name} where ${shardOf(owner)} = any($1::int[])`;
    const [[here], [there]] = (await Promise.all(
      [from, to].map(
        async (client) => (await client.query<{ rows: string; sum: string }>(query, [shards])).rows,
      ),
    )) as [[{ rows: string; sum: string }], [{ rows: string; sum: string }]];
    if (here.rows !== there.rows || here.sum !== there.sum)
      throw new Error(`${name}: ${here.rows} rows here, ${there.rows} there; nothing was moved`);
  }
  onStep("compared: both have the same");
}
