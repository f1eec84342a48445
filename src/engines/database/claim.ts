import { Unavailable } from "../../core/errors.ts";
import type { Database } from "./pools.ts";

/** Any number; the same in every Roost. */
const CLAIM = 7_216_301_942;

/**
 * One server a database, as long as caches and timelines live in its process. The lock is the session's: it goes when
 * the process does. Throws Unavailable when another server has it.
 */
export async function claimDatabase(database: Database): Promise<AsyncDisposable> {
  const client = await database.dedicated();
  // A lost connection is told by the pool too; without a listener it would end the process.
  client.on("error", () => {});
  const { rows } = await client.query<{ claimed: boolean }>("select pg_try_advisory_lock($1) as claimed", [
    CLAIM,
  ]);
  if (!rows[0]?.claimed) {
    await client.end();
    throw new Unavailable(
      "Another Roost server runs on the database of DATABASE_URL: stop it, or use another database",
    );
  }
  return { [Symbol.asyncDispose]: () => client.end() };
}
