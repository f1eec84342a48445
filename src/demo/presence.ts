/** Whether a database is the demo's: asked where nothing else of the demo is loaded. */
import { sql } from "kysely";
import type { Db } from "../engines/database/pools.ts";

/** From the catalogue, not by to_regclass: that may answer from before another loader's commit. */
export const HOLDS_DEMO = `
  select exists (select from pg_tables where schemaname = current_schema() and tablename = 'demo') as holds`;

export async function holdsDemo(db: Db): Promise<boolean> {
  const { rows } = await sql.raw<{ holds: boolean }>(HOLDS_DEMO).execute(db);
  return rows[0]?.holds === true;
}

/** Whether anybody has an account that isn't the demo's. */
export async function holdsOthers(db: Db): Promise<boolean> {
  if (await holdsDemo(db)) return false;
  const { rows } = await sql<{ holds: boolean }>`select exists (select from accounts) as holds`.execute(db);
  return rows[0]?.holds === true;
}
