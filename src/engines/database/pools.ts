/** Connections to PostgreSQL: one pool, Kysely on top of it, and named prepared statements for the hot paths. */
import { Kysely, PostgresDialect, sql } from "kysely";
import { Migrator } from "kysely/migration";
import pg from "pg";
import { Unavailable, UnusableSetup } from "../../core/errors.ts";
import { shownAddress } from "./inspect.ts";
import { migrations } from "./migrations/list.ts";
import type { ReplicaRouter, StaleReading } from "./replica-router.ts";
import type { Schema } from "./schema.ts";
import { Shards } from "./shards.ts";

/** A database or a transaction on it: what every query function takes first. */
export type Db = Kysely<Schema>;

/** Where to read what may be a moment old, and what of it must be seen. */
export interface StaleSource {
  readonly database: Database;
  readonly reading: StaleReading;
}

/** How long to connect may take, and how long a statement waits for a connection of the pool. */
export const CONNECT_MS_MAX = 5_000;
/** Behind a pooler the time limit of statements is the role's, and migrations and moving shards take longer. */
const WITHOUT_LIMIT = "set statement_timeout = 0";

export interface DatabaseOptions {
  readonly connection: pg.ClientConfig;
  /**
   * The way past a pooler that `connection` leads to (PgBouncer in transaction mode: each transaction may get another
   * session), for what needs a session of its own. Absent: there is no pooler.
   */
  readonly direct?: pg.ClientConfig;
  readonly poolSize: number;
  /** Longest a single statement may run. */
  readonly statementTimeoutMs: number;
  /** Told why an idle connection broke. */
  readonly log: (message: string) => void;
}

export class Database implements AsyncDisposable {
  readonly db: Db;
  /** Where what accounts own lies: here, unless it was spread over more databases. */
  readonly shards = new Shards(this);
  /** Replicas of this database, for reads that may be a moment old. */
  replicas: ReplicaRouter | null = null;
  readonly #pool: pg.Pool;
  readonly #direct: pg.ClientConfig;
  readonly #isPooled: boolean;
  #closing = false;

  constructor(options: DatabaseOptions) {
    this.#isPooled = options.direct !== undefined;
    this.#direct = options.direct ?? options.connection;
    this.#pool = new pg.Pool({
      ...options.connection,
      max: options.poolSize,
      connectionTimeoutMillis: CONNECT_MS_MAX,
      idleTimeoutMillis: 60_000,
      // A pooler that isn't told to ignore it refuses a connection that asks for it: there, it's the role's setting.
      ...(this.#isPooled ? {} : { statement_timeout: options.statementTimeoutMs, onConnect: withoutJit }),
      query_timeout: options.statementTimeoutMs + 1_000,
      application_name: "roost",
      types: { getTypeParser: parserOf },
    });
    // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
    this.#pool.on("error", ({ message }) => {
      if (!this.#closing) options.log(message);
    });
    // So would one that breaks in use between two statements; the next statement fails then, and tells who uses it.
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: this.#pool }) });
  }

  /**
   * Runs one statement as a named prepared statement: parsed and planned once a connection. For the few statements
   * that a home read or a post waits for. Behind a pooler without a name, since the next one may come to a session that
   * doesn't know it (PgBouncer before 1.21).
   */
  async prepared<Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    const result = await this.#pool.query<Row>(this.#isPooled ? { text, values } : { name, text, values });
    return result.rows;
  }

  /** A connection of one's own, outside all pools: for session locks and LISTEN. The caller ends it. */
  async dedicated(): Promise<pg.Client> {
    const client = new pg.Client({
      ...this.#direct,
      connectionTimeoutMillis: CONNECT_MS_MAX,
      application_name: "roost",
      types: { getTypeParser: parserOf },
    });
    // As above; a caller that waits for the end listens to it.
    client.on("error", () => {});
    await client.connect();
    await client.query(WITHOUT_LIMIT);
    return client;
  }

  /** A read that may be a moment old, from a replica that has what its reader must see, or from here. */
  readStale<T>(reading: StaleReading, work: (db: Db) => Promise<T>): Promise<T> {
    return this.replicas ? this.replicas.read(reading, work) : work(this.db);
  }

  /**
   * A read of what holds now, from here. Where that is away, requests that only read get it from a replica that lacks
   * nothing anybody was told of: for what takes no lasting effect.
   */
  readNow<T>(work: (database: Database) => Promise<T>): Promise<T> {
    return this.replicas ? this.replicas.readNow(work) : work(this);
  }

  /**
   * Brings the schema up to date. Returns the names of what was applied. Past any pooler: migrations hold a lock of
   * their session; and for as long as it takes.
   */
  async migrate(): Promise<string[]> {
    const pool = new pg.Pool({
      ...this.#direct,
      max: 2,
      connectionTimeoutMillis: CONNECT_MS_MAX,
      application_name: "roost migrate",
    });
    pool.on("error", () => {});
    pool.on("connect", (client) => {
      client.on("error", () => {});
      // If that fails, so does what comes after it.
      client.query(WITHOUT_LIMIT).catch(() => {});
    });
    const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
    try {
      const { connectionString } = this.#direct;
      return await migrate(db, connectionString && shownAddress(connectionString));
    } finally {
      await db.destroy();
    }
  }

  /** Connections in use, idle, and callers waiting for one. */
  usage(): { inUse: number; idle: number; waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { inUse: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.db);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await this.db.destroy();
  }
}

/**
 * Whether an error says for certain that the statement, and the transaction it was, changed nothing. A connection that
 * broke doesn't: the commit may have been done, and its answer lost.
 */
export function wasRolledBack(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === "ERROR";
}

/**
 * PostgreSQL would compile a statement of 2 ms for 100 ms, each time anew, where it overrates how many rows there are.
 * Not as a parameter of the connection's start, which a pooler may refuse.
 */
async function withoutJit(client: pg.ClientBase): Promise<void> {
  await client.query("set jit = off");
}

const BIGINT_OID = 20;
const BIGINT_ARRAY_OID = 1016;

function parserOf(oid: number, format?: "text" | "binary"): (value: string) => unknown {
  if (oid === BIGINT_OID) return BigInt;
  if (oid === BIGINT_ARRAY_OID) return parseBigintArray;
  return pg.types.getTypeParser(oid, format as "text");
}

function parseBigintArray(text: string): bigint[] {
  const inner = text.slice(1, -1);
  return inner === "" ? [] : inner.split(",").map(BigInt);
}

const MIGRATION_ATTEMPTS = 5;

/** As `Database.migrate`, through connections that keep their sessions. */
export async function migrate(db: Db, address?: string): Promise<string[]> {
  const { unknown } = await migrationState(db);
  if (unknown.length > 0) throw newerSchema(unknown, address);
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  let { error, results } = await migrator.migrateToLatest();
  // Migrations wait for each other, but the tables in which Kysely keeps their lock are made before it is held: of
  // processes that begin at once on an empty database, all but one fail at that, and find them the next time.
  for (let attempt = 0; isMadeTwice(error) && attempt < MIGRATION_ATTEMPTS; attempt++)
    ({ error, results } = await migrator.migrateToLatest());
  if (error) throw new Unavailable("The database schema could not be brought up to date", { cause: error });
  return (results ?? []).filter((result) => result.status === "Success").map((r) => r.migrationName);
}

export function newerSchema(unknown: readonly string[], address = "the database"): UnusableSetup {
  return new UnusableSetup(
    `The schema of ${address} is newer than this Roost, which doesn't know ${unknown.join(", ")}: ` +
      "use the Roost that made it, or a later one",
  );
}

/** A unique key of PostgreSQL's catalogue, or a table, that another has made just now. */
function isMadeTwice(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === "23505" || error.code === "42P07");
}

/** Migrations the database has not seen, and ones it has that this version doesn't know. */
export async function migrationState(
  db: Db,
): Promise<{ pending: string[]; unknown: string[]; isEmpty: boolean }> {
  const exists = await sql<{
    name: string | null;
  }>`select to_regclass('kysely_migration')::text as name`.execute(db);
  const applied = exists.rows[0]?.name
    ? (await sql<{ name: string }>`select name from kysely_migration`.execute(db)).rows.map((row) => row.name)
    : [];
  const known = Object.keys(migrations);
  return {
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
    isEmpty: applied.length === 0,
  };
}
