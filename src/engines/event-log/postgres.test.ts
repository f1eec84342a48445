import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { type EmbeddedServer, startEmbeddedServer } from "../database/embedded-server.ts";
import { Database, migrate } from "../database/pools.ts";
import { eventLogContract, QUICK } from "./contract.ts";
import { PostgresEventLog } from "./postgres.ts";

const log = pino({ level: "silent" });
const dataDir = mkdtempSync(join(tmpdir(), "roost-event-log-"));
let server: EmbeddedServer;
let database: Database;
let topics = 0;

beforeAll(async () => {
  // PostgreSQL, which never runs as root, must be able to pass through.
  chmodSync(dataDir, 0o755);
  server = await startEmbeddedServer({ dataDir, log: () => {} });
  database = new Database({
    connection: server.connection,
    poolSize: 20,
    statementTimeoutMs: 10_000,
    log: () => {},
  });
  await migrate(database.db);
});

afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const openLog = () =>
  new PostgresEventLog({ database, log, clock: systemClock, isAlone: false, patience: QUICK });

describe("the event log in PostgreSQL", () => {
  eventLogContract(async () => ({ logs: [openLog(), openLog()], topic: `topic.${++topics}` }));
});

describe("transactions that commit in another order than they began", () => {
  const insert = (connection: pg.Client | Database, topic: string, n: number) => {
    const text = "insert into event_log (topic, key, payload) values ($1, 1, $2)";
    const values = [topic, JSON.stringify({ n })];
    return connection instanceof Database
      ? connection.prepared("test_insert", text, values)
      : connection.query(text, values);
  };

  for (const outcome of ["commit", "rollback"] as const) {
    test(`nothing is skipped when the slow one ends with a ${outcome}`, async () => {
      const topic = `slow.${outcome}`;
      const slow = await database.dedicated();
      const eventLog = openLog();
      try {
        await slow.query("begin");
        // The lower transaction id; commits after a higher one has committed and was looked for.
        await insert(slow, topic, 1);
        await insert(database, topic, 2);
        const got: number[] = [];
        await eventLog.consume({
          topic,
          group: "group",
          maxRecords: 10,
          handle: async (payloads) =>
            void got.push(...payloads.map((payload) => (payload as { n: number }).n)),
        });
        await new Promise((resolve) => setTimeout(resolve, 400));
        expect(got).toEqual([]);
        await slow.query(outcome);
        await expect.poll(() => got, { timeout: 5_000 }).toEqual(outcome === "commit" ? [1, 2] : [2]);
      } finally {
        await eventLog[Symbol.asyncDispose]();
        await slow.end();
      }
    });
  }

  test("a batch goes as far as the oldest running transaction, and the rest follows", async () => {
    const topic = "slow.partly";
    const slow = await database.dedicated();
    const eventLog = openLog();
    const got: number[] = [];
    try {
      await insert(database, topic, 1);
      await slow.query("begin");
      await insert(slow, topic, 2);
      await insert(database, topic, 3);
      await eventLog.consume({
        topic,
        group: "group",
        maxRecords: 10,
        handle: async (payloads) => void got.push(...payloads.map((payload) => (payload as { n: number }).n)),
      });
      await expect.poll(() => got, { timeout: 5_000 }).toEqual([1]);
      await slow.query("commit");
      await expect.poll(() => got, { timeout: 5_000 }).toEqual([1, 2, 3]);
    } finally {
      await eventLog[Symbol.asyncDispose]();
      await slow.end();
    }
  });
});

test.each([1, 2, 10])(
  "transaction ids are numbers, not text: 1000 comes after 999, %i at a time",
  async (maxRecords) => {
    const topic = `digits.${maxRecords}`;
    const text = "insert into event_log (topic, key, payload, transaction_id) values ($1, 1, $2, $3::xid8)";
    for (const n of [8, 9, 10, 98, 99, 100, 101]) {
      await database.prepared("test_numbered", text, [topic, JSON.stringify({ n }), `${n}`]);
    }
    await using eventLog = openLog();
    const got: number[] = [];
    await eventLog.consume({
      topic,
      group: "group",
      maxRecords,
      handle: async (payloads) => void got.push(...payloads.map((payload) => (payload as { n: number }).n)),
    });
    await expect
      .poll(() => got.length, { timeout: 2_000 })
      .toBeGreaterThanOrEqual(7)
      .catch(() => {});
    expect(got).toEqual([8, 9, 10, 98, 99, 100, 101]);
  },
);

describe("several consumers of one group", () => {
  const numbersOf = (payloads: readonly unknown[]) => payloads.map((payload) => (payload as { n: number }).n);

  test("one that is silent for too long gives way, and its batch is done again by another", async () => {
    const topic = "silent";
    await using frozen = openLog();
    await using other = openLog();
    let thaw = () => {};
    const held = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    const batches: number[][] = [];
    await frozen.publish(
      topic,
      [1, 2].map((n) => ({ key: 1n, payload: JSON.stringify({ n }) })),
    );
    const consume = (eventLog: PostgresEventLog, handle: (numbers: number[]) => Promise<void>) =>
      eventLog.consume({
        topic,
        group: "group",
        maxRecords: 10,
        handle: (payloads) => handle(numbersOf(payloads)),
      });
    await consume(frozen, (numbers) => {
      batches.push(numbers);
      return held;
    });
    await expect.poll(() => batches, { timeout: 5_000 }).toEqual([[1, 2]]);
    const got: number[] = [];
    await consume(other, async (numbers) => void got.push(...numbers));
    // It stands by: the other may only be busy.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(got).toEqual([]);
    await database.prepared(
      "test_silence",
      "update event_offsets set held_until = now() - interval '1 second' where topic = $1",
      [topic],
    );
    await expect.poll(() => got, { timeout: 5_000 }).toEqual([1, 2]);
    // Back again, it commits nothing over what the other has consumed since.
    await other.publish(topic, [{ key: 1n, payload: '{"n":3}' }]);
    await expect.poll(() => got, { timeout: 5_000 }).toEqual([1, 2, 3]);
    thaw();
    await frozen[Symbol.asyncDispose]();
    expect(await other.lag(topic, "group")).toEqual({ records: 0, oldestAgeMs: 0 });
    await other.publish(topic, [{ key: 1n, payload: '{"n":4}' }]);
    await expect.poll(() => got, { timeout: 5_000 }).toEqual([1, 2, 3, 4]);
    expect(batches).toEqual([[1, 2]]);
  });
});

describe("trimming", () => {
  const recordsOf = async (topic: string) =>
    (
      await database.prepared<{ n: number }>(
        "test_records",
        "select (payload->>'n')::int as n from event_log where topic = $1 order by position",
        [topic],
      )
    ).map((row) => row.n);

  test("deletes what is old and consumed by every group; keeps what a group hasn't consumed", async () => {
    const topic = "trimmed";
    const eventLog = openLog();
    const old =
      "insert into event_log (topic, key, payload, created_at) values ($1, 1, $2, now() - interval '1 hour')";
    for (const n of [1, 2]) await database.prepared("test_old", old, [topic, JSON.stringify({ n })]);
    const got: Record<string, number> = { fast: 0, slow: 0 };
    for (const group of ["fast", "slow"]) {
      await eventLog.consume({
        topic,
        group,
        maxRecords: 1,
        handle: async () => {
          if (group === "slow" && got.slow === 1) throw new Error("on purpose");
          got[group] = (got[group] ?? 0) + 1;
        },
      });
    }
    await expect.poll(() => got, { timeout: 5_000 }).toEqual({ fast: 2, slow: 1 });
    await expect
      .poll(async () => {
        await eventLog.trim();
        return recordsOf(topic);
      })
      .toContain(2);
    await eventLog[Symbol.asyncDispose]();
    expect(await recordsOf(topic)).toContain(2);
  });

  test("keeps records that no group has ever consumed", async () => {
    const topic = "unread";
    const old =
      "insert into event_log (topic, key, payload, created_at) values ($1, 1, $2, now() - interval '1 hour')";
    await database.prepared("test_old", old, [topic, '{"n":1}']);
    await using eventLog = openLog();
    await eventLog.trim();
    expect(await recordsOf(topic)).toEqual([1]);
  });
});
