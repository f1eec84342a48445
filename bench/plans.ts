/** The plans of the statements that a piece of work really sends. */
import { type CompiledQuery, Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import type { Database, Db, StaleSource } from "../src/engines/database/pools.ts";
import type { Schema } from "../src/engines/database/schema.ts";

export interface Plan {
  readonly statement: string;
  readonly lines: readonly string[];
  /** Tables that it reads from one end to the other. */
  readonly readWhole: readonly string[];
}

/** A table of few rows is read as a whole with good reason. */
const ROWS_FEW = 1_000;

export async function plansOf(
  { database }: { database: Database },
  connection: pg.ClientConfig,
  work: (source: StaleSource) => Promise<unknown>,
): Promise<Plan[]> {
  const sent: CompiledQuery[] = [];
  const pool = new pg.Pool({ ...connection, max: 1 });
  // Ended connections are still closing when the server stops.
  pool.on("error", () => {});
  const db: Db = new Kysely<Schema>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => void sent.push(query),
  });
  try {
    const watched = {
      db,
      shards: {
        isOne: true,
        gather: (ask: (database: Database) => unknown) => ask(watched),
        of: () => watched,
      },
      readStale: (_: unknown, read: (db: Db) => unknown) => read(db),
    } as unknown as Database;
    await sql`set jit = off`.execute(db);
    await work({ database: watched, reading: database.replicas ? ({} as never) : ({ staleMs: 0 } as never) });
    const { rows: large } = await pool.query<{ relname: string }>(
      "select relname from pg_class where relkind = 'r' and reltuples > $1",
      [ROWS_FEW],
    );
    const isLarge = new Set(large.map(({ relname }) => relname));
    const plans: Plan[] = [];
    for (const { sql: text, parameters } of sent.slice(1)) {
      const { rows } = await pool.query<{ "QUERY PLAN": string }>(`explain ${text}`, [...parameters]);
      const lines = rows.map((row) => row["QUERY PLAN"]);
      const readWhole = lines.flatMap((line) => /Seq Scan on (\w+)/.exec(line)?.[1] ?? []);
      plans.push({
        statement: text.trim().replace(/\s+/g, " "),
        lines,
        readWhole: readWhole.filter((table) => isLarge.has(table)),
      });
    }
    return plans;
  } finally {
    await db.destroy();
  }
}
