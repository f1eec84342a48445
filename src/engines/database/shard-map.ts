/**
 * Which database holds which logical shard, as the main database keeps it: by the identity that each database has of
 * its own, since an address can come to name another database, and two addresses can name one.
 */
import { sql } from "kysely";
import { sleep, within } from "../../core/clock.ts";
import { Unavailable, UnusableSetup } from "../../core/errors.ts";
import { LOGICAL_SHARDS } from "../../core/ids.ts";
import { SingleFlight } from "../../core/single-flight.ts";
import { requireSameDatabase } from "./inspect.ts";
import { Database, type DatabaseOptions, type Db } from "./pools.ts";
import { mainIsAway } from "./shards.ts";

/** For so long a server goes by a map that it has read; moving shards waits as long. */
export const MAP_LEASE_MS = 2_000;
const REFRESH_MS = 400;
/**
 * Longest waits for the main database, and then for all others. Two rounds of both, and the pause between, are no
 * longer than the lease: each renews it before it ends.
 */
const MAIN_MS_MAX = 500;
const SHARDS_MS_MAX = 300;

export interface ShardDatabase {
  readonly database: Database;
  /** Where it is, without user and password. */
  readonly address: string;
}

/** Where a database is found, and where past any pooler in transaction mode. */
export interface ShardAddress {
  readonly url: string;
  readonly directUrl: string;
}

export interface OpenShardsOptions extends Omit<DatabaseOptions, "connection" | "direct"> {
  /** For commands, which take their time: what they do goes past poolers. */
  readonly pastPooler?: boolean;
}

export interface OpenedShards extends AsyncDisposable {
  /** Every database there is, the main one first. */
  readonly all: readonly Database[];
  /** Those that may hold shards, by their identities. */
  readonly byIdentity: ReadonlyMap<string, ShardDatabase>;
}

/**
 * Opens the databases, brings their schemas up to date, and spreads `main.shards` as the map says. The first start
 * with some makes the map: evenly over them, or all on the main database if somebody lives there already.
 * Throws UnusableSetup when the map names a database that isn't there, or has lost shards, and when a database is
 * another Roost's.
 */
export async function openShards(
  main: Database,
  shards: readonly ShardAddress[],
  options: OpenShardsOptions,
): Promise<OpenedShards> {
  await requireMain(main.db);
  await using opened = new AsyncDisposableStack();
  const others: ShardDatabase[] = [];
  for (const { url, directUrl } of shards) {
    const direct = { connectionString: directUrl };
    const isPooled = url !== directUrl && !options.pastPooler;
    const database = opened.use(
      new Database(
        isPooled
          ? { ...options, connection: { connectionString: url }, direct }
          : { ...options, connection: direct },
      ),
    );
    others.push({ database, address: addressOf(url) });
    await database.migrate();
    // Whoever mixed up their order would move shards out of another database than they are in.
    if (isPooled) await requireSameDatabase(database, ["SHARD_URLS", url], ["SHARD_DIRECT_URLS", directUrl]);
  }
  const byIdentity = await identitiesOf(main, others);
  const known = await readMap(main.db);
  await requireNoLostMap(main.db);
  const isSpread = known.length > 0;
  if (isSpread) main.shards.spread(databasesOf(known, byIdentity));
  await claim(main, byIdentity);
  const map = isSpread || shards.length === 0 ? known : await makeMap(main, byIdentity);
  if (!isSpread && map.length > 0) main.shards.spread(databasesOf(map, byIdentity));
  if (shards.length > 0) await register(main.db, byIdentity);
  if (map.length > 0 && byIdentity.size > 1) opened.use(await followMap(main, byIdentity));
  const open = opened.move();
  const all = [...byIdentity.values()].map(({ database }) => database);
  return {
    byIdentity,
    all: [main, ...all.filter((database) => database !== main)],
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** What is told of the main database when SHARD_URLS doesn't name it: it then holds no shards, but those it has had. */
export const MAIN = "the database of DATABASE_URL";

/**
 * Reads the map again as soon as it has changed, until disposed.
 *
 * While the main database is away, the databases of shards say whether the map still holds: each counts what has left
 * it, as soon as the map has changed (`shard-move.ts`). Where none has lost a shard since before the map was read, each
 * has what the map says, and the lease on that answer is the same: moving waits for it after counting, and until then
 * nothing of the shard changes anywhere. A main database that holds shards itself doesn't answer, so there it doesn't.
 */
async function followMap(main: Database, byIdentity: Map<string, ShardDatabase>): Promise<AsyncDisposable> {
  const { shards } = main;
  let known = "";
  let left: string | null = null;
  const stopping = new AbortController();
  let asked = 0;
  let heard = 0;
  const askMain = async (all: readonly Database[], counted: string | null): Promise<void> => {
    const askedAtMs = performance.now();
    const place = ++asked;
    const version = await versionIn(main);
    // Given up, and overtaken by a later answer.
    if (place < heard) return;
    heard = place;
    if (version !== known) {
      left = null;
      shards.heldUntilMs = 0;
      shards.spread(databasesOf(await readMap(main.db), byIdentity));
    } else if (shards.all === all) left = counted;
    known = version;
    shards.validUntilMs = askedAtMs + MAP_LEASE_MS;
  };
  const askAll = async (): Promise<void> => {
    const { all } = shards;
    // Before the version: where it is still the map's, what was counted here had left before that map.
    const counted = left ?? (await departuresFrom(all).catch(() => null));
    try {
      await within(askMain(all, counted), MAIN_MS_MAX, mainIsAway);
    } catch (error) {
      const askedAtMs = performance.now();
      if (left === null || (await departuresFrom(shards.all)) !== left) throw error;
      shards.heldUntilMs = askedAtMs + MAP_LEASE_MS;
    }
  };
  const flight = new SingleFlight<"map", void>();
  const refresh = () => flight.run("map", askAll);
  await askMain(shards.all, null);
  main.shards.refresh = refresh;
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sleep(REFRESH_MS, stopping.signal);
      // Requests that can't be answered say so by themselves.
      if (!stopping.signal.aborted) await refresh().catch(() => {});
    }
  };
  const running = run();
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** Of the main database, how often the map has changed; of another, how often shards have left it. */
async function versionIn({ db }: Database): Promise<string> {
  const { rows } = await sql<{ version: string }>`
    select version::text from shard_map_version`.execute(db);
  return rows[0]?.version ?? "";
}

function departuresFrom(databases: readonly Database[]): Promise<string> {
  const counts = Promise.all(databases.map(versionIn));
  const late = () => new Unavailable("A database that holds shards takes too long. Try again in a moment");
  return within(
    counts.then((all) => all.join()),
    SHARDS_MS_MAX,
    late,
  );
}

export interface MapRow {
  readonly shard: number;
  readonly id: string;
  readonly address: string;
}

/** In the order of the shards; empty before there is a map. */
export async function readMap(db: Db): Promise<MapRow[]> {
  const { rows } = await sql<MapRow>`select m.shard, d.id, d.address
    from shard_map m join shard_databases d on d.id = m.database_id order by m.shard`.execute(db);
  return rows;
}

/** The main database may be among the others: then it takes its part of the shards. */
async function identitiesOf(
  main: Database,
  others: readonly ShardDatabase[],
): Promise<Map<string, ShardDatabase>> {
  const mainId = await identityOf(main.db);
  const byIdentity = new Map<string, ShardDatabase>();
  for (const other of others) {
    const id = await identityOf(other.database.db);
    const same = byIdentity.get(id);
    if (same) {
      throw new UnusableSetup(
        `SHARD_URLS names one database twice: ${same.address} and ${other.address} are the same. Name each once`,
      );
    }
    byIdentity.set(id, id === mainId ? { ...other, database: main } : other);
  }
  return byIdentity.has(mainId)
    ? byIdentity
    : new Map([[mainId, { database: main, address: MAIN }], ...byIdentity]);
}

async function identityOf(db: Db): Promise<string> {
  const { rows } = await sql<{ id: string }>`select id from database_identity`.execute(db);
  return rows[0]?.id ?? "";
}

/**
 * Throws UnusableSetup for a database that holds shards of a Roost: by itself it has its posts, and nobody who wrote
 * them.
 */
export async function requireMain(db: Db): Promise<void> {
  if ((await mainOf(db)) === null) return;
  throw new UnusableSetup(
    "The database of DATABASE_URL holds shards of another Roost: name that one's main database, or an empty one",
  );
}

/** Also where an older server runs, and the column is still to come. */
async function mainOf(db: Db): Promise<string | null> {
  const { rows } = await sql<{ id: string | null }>`
    select to_jsonb(d) ->> 'main_id' as id from database_identity d`.execute(db);
  return rows[0]?.id ?? null;
}

/**
 * Notes in each database that it is this Roost's. Of two main databases that name one at the same time, the first to
 * lock its row gets it. Another's main database would no longer start if it were taken: it is told by its accounts,
 * which shards have none of. What was registered before there were these notes is taken as it is.
 */
async function claim(main: Database, byIdentity: ReadonlyMap<string, ShardDatabase>): Promise<void> {
  const mainId = await identityOf(main.db);
  for (const [id, { database, address }] of byIdentity) {
    if (database === main) continue;
    let owner = await mainOf(database.db);
    if (owner === null) {
      const { rows } = await sql`select from shard_databases where id = ${id}`.execute(main.db);
      const isKnown = rows.length > 0;
      await sql`update database_identity set main_id = ${mainId} where main_id is null and (${isKnown}
        or not exists (select from accounts) and not exists (select from shard_databases))`.execute(
        database.db,
      );
      owner = await mainOf(database.db);
    }
    if (owner !== mainId)
      throw new UnusableSetup(
        `${address} belongs to another Roost: name a database of this one in SHARD_URLS`,
      );
  }
}

/**
 * Databases are registered in the transaction that makes the first map: where there are some and no map, it was lost. A
 * new one would hide everything that lies elsewhere than it says. In one statement, since another server may be making
 * the first one at this moment.
 */
async function requireNoLostMap(db: Db): Promise<void> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from shard_databases
    where not exists (select from shard_map)`.execute(db);
  const count = rows[0]?.count ?? 0;
  if (count > 0) throw lostShards(0, `, though ${count} databases have been named for them`);
}

function lostShards(count: number, though = ""): UnusableSetup {
  return new UnusableSetup(
    `The shard map has ${count} of ${LOGICAL_SHARDS} shards${though}: restore the table shard_map of the main database`,
  );
}

/** Several servers may start at once: the first to lock the table makes the map, the others find it made. */
async function makeMap(main: Database, byIdentity: Map<string, ShardDatabase>): Promise<MapRow[]> {
  return main.db.transaction().execute(async (tx) => {
    await sql`lock table shard_map in share row exclusive mode`.execute(tx);
    const made = await readMap(tx);
    if (made.length > 0) return made;
    await requireNoLostMap(tx);
    const { rows } = await sql`select 1 from accounts limit 1`.execute(tx);
    const isInhabited = rows.length > 0;
    const databases = [...byIdentity].filter(([, { database, address }]) =>
      isInhabited ? database === main : address !== MAIN,
    );
    await register(tx, byIdentity);
    const ids = databases.map(([id]) => id);
    await sql`insert into shard_map (shard, database_id)
      select shard, (${ids}::uuid[])[1 + shard % ${ids.length}::int]
      from generate_series(0, ${LOGICAL_SHARDS - 1}::int) as s (shard)`.execute(tx);
    return readMap(tx);
  });
}

/** Shards can be moved to whatever has been named once; where it was seen last helps who looks for it. */
async function register(db: Db, byIdentity: Map<string, ShardDatabase>): Promise<void> {
  const addresses = [...byIdentity.values()].map(({ address }) => address);
  await sql`insert into shard_databases (id, address)
    select id, address from unnest(${[...byIdentity.keys()]}::uuid[], ${addresses}::text[]) as d (id, address)
    on conflict (id) do update set address = excluded.address
      where shard_databases.address <> excluded.address`.execute(db);
}

function databasesOf(map: readonly MapRow[], byIdentity: Map<string, ShardDatabase>): Database[] {
  if (map.length !== LOGICAL_SHARDS) throw lostShards(map.length);
  return map.map(({ id, address }) => {
    const found = byIdentity.get(id);
    if (found) return found.database;
    const count = map.filter((row) => row.id === id).length;
    const isReplaced = [...byIdentity.values()].some((one) => one.address === address);
    throw new UnusableSetup(
      isReplaced
        ? `${address} is another database than the one that holds ${count} of ${LOGICAL_SHARDS} shards: restore that one, ` +
            "or name it in SHARD_URLS"
        : `The database that holds ${count} of ${LOGICAL_SHARDS} shards, last seen at ${address}, isn't there: ` +
            "name it in SHARD_URLS",
    );
  });
}

/** Host, port and name: what tells databases apart, and no secrets. */
function addressOf(url: string): string {
  const { host, pathname, searchParams } = new URL(url);
  return `${searchParams.get("host") ?? (host || "localhost")}${pathname}`;
}
