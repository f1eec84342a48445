/** `next_id` where the clock is wrong. That a clock jumped back is the same as that an id was given from the future. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ID_EPOCH_MS, shardOfId, timeOfIdMs } from "../../core/ids.ts";
import { type EmbeddedServer, startEmbeddedServer } from "./embedded-server.ts";
import { Database, migrate } from "./pools.ts";

const SLOW_MS = 120_000;
const HOUR_MS = 3_600_000;
const ROUND = 4_096;
let folder: string;
let server: EmbeddedServer;
let database: Database;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "roost-ids-"));
  chmodSync(folder, 0o755);
  server = await startEmbeddedServer({ dataDir: folder, log: () => undefined });
  const { connection } = server;
  database = new Database({ connection, poolSize: 8, statementTimeoutMs: 15_000, log: () => undefined });
  await migrate(database.db);
}, SLOW_MS);

afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}, SLOW_MS);

async function give(count: number, shard = 7): Promise<bigint[]> {
  const { rows } = await sql<{ id: bigint }>`
    select next_id(${shard}) as id from generate_series(1, ${count}::int)`.execute(database.db);
  return rows.map(({ id }) => id);
}

const isAscending = (times: number[]) => times.every((time, i) => i === 0 || time >= (times[i - 1] ?? 0));

test("the time of an id is the clock's, its shard the one that was asked for", async () => {
  const beforeMs = Date.now();
  const [id = 0n] = await give(1, 1023);
  expect(timeOfIdMs(id)).toBeGreaterThanOrEqual(beforeMs);
  // Ids within one millisecond may be given so fast that they are ahead by parts of one.
  expect(timeOfIdMs(id)).toBeLessThanOrEqual(Date.now() + 1);
  expect(shardOfId(id)).toBe(1023);
});

test("after the clock went back, ids go on above all of before, by many sessions, and none comes twice", async () => {
  const jumpedFromMs = Date.now() + HOUR_MS;
  await sql`select setval('id_clock', ${jumpedFromMs - ID_EPOCH_MS}::bigint << 22)`.execute(database.db);
  const batches = await Promise.all(Array.from({ length: 8 }, () => give(2 * ROUND)));
  const ids = batches.flat();
  expect(new Set(ids).size).toBe(ids.length);
  for (const batch of batches) expect(isAscending(batch.map(timeOfIdMs))).toBe(true);
  const times = ids.map(timeOfIdMs);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(jumpedFromMs);
  // It doesn't run away either: the clock must be able to catch up.
  expect(Math.max(...times)).toBeLessThanOrEqual(jumpedFromMs + 1 + ids.length / 512);
  const [last = 0n] = await give(1);
  expect(timeOfIdMs(last)).toBeGreaterThanOrEqual(Math.max(...times));
});

test("ids follow the clock again as soon as it is ahead", async () => {
  await sql`select setval('id_clock', ${Date.now() - HOUR_MS - ID_EPOCH_MS}::bigint << 22)`.execute(
    database.db,
  );
  const beforeMs = Date.now();
  const [id = 0n] = await give(1);
  expect(timeOfIdMs(id)).toBeGreaterThanOrEqual(beforeMs);
  expect(timeOfIdMs(id)).toBeLessThanOrEqual(Date.now() + 1);
});
