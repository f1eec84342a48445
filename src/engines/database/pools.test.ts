import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeDataDir, removeDataDir } from "../../../test/support/start-roost.ts";
import { openRoost, type Roost } from "../../composition.ts";
import { loadConfig } from "../../config.ts";
import { listenForInvalidation } from "./invalidation-channel.ts";
import type { Db } from "./pools.ts";

const dataDir = makeDataDir();
let roost: Roost;

beforeAll(async () => {
  const { config } = loadConfig({ DATA_DIR: dataDir }, {});
  roost = await openRoost(config, { roles: [], log: pino({ level: "silent" }) });
});
afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});

async function pidOf(db: Db): Promise<number> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
  return rows[0]?.pid ?? 0;
}

/** The server closes the connection, as it does when it dies or fails over. */
async function close(pid: number): Promise<void> {
  await sql`select pg_terminate_backend(${pid})`.execute(roost.database.db);
  const isThere = async () =>
    (await sql`select 1 from pg_stat_activity where pid = ${pid}`.execute(roost.database.db)).rows.length > 0;
  await expect.poll(isThere, { timeout: 5_000, interval: 10 }).toBe(false);
}

test("listening for notices ends when told so, also while it still connects", async () => {
  const log = pino({ level: "silent" });
  const handlers = { onStale: () => {}, onGap: () => {} };
  await listenForInvalidation(roost.database, log, handlers)[Symbol.asyncDispose]();
});

test("a connection that breaks between two statements of a transaction fails the transaction, and nothing else", async () => {
  const work = roost.database.db.transaction().execute(async (tx) => {
    await close(await pidOf(tx));
    await sql`select 1`.execute(tx);
  });
  await expect(work).rejects.toThrow();
  await expect(roost.database.ping()).resolves.toBeUndefined();
});

test("a connection of one's own that breaks ends, and nothing else", async () => {
  const client = await roost.database.dedicated();
  const ended = new Promise((resolve) => client.once("end", resolve));
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  await close(rows[0]?.pid ?? 0);
  await ended;
  await expect(client.query("select 1")).rejects.toThrow();
});
