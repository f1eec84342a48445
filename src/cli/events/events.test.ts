import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { hasKafka, type KafkaServers, startKafka } from "../../cluster/kafka.ts";
import { systemClock } from "../../core/clock.ts";
import { startEmbeddedServer } from "../../engines/database/embedded-server.ts";
import { Database, migrate } from "../../engines/database/pools.ts";
import { KafkaEventLog } from "../../engines/event-log/kafka.ts";
import type { EventLog } from "../../engines/event-log/port.ts";
import { PostgresEventLog } from "../../engines/event-log/postgres.ts";
import { emptyFolder, roost as runRoost } from "../spawned.ts";

const SLOW_MS = 60_000;
const log = pino({ level: "silent" });
const patience = { attempts: 1, pauseMsMin: 1, pauseMsMax: 1 };

/** Events whose handler always fails: a dead letter each. */
async function bury(eventLog: EventLog, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    await eventLog.publish("events", [{ key: BigInt(n), payload: JSON.stringify({ type: "none", n }) }]);
  }
  const consumer = await eventLog.consume({
    topic: "events",
    group: "fan-out",
    maxRecords: 1,
    handle: async () => {
      throw new Error("nobody can handle this");
    },
  });
  const waits = { timeout: 15_000, interval: 20 };
  await vi.waitUntil(async () => (await eventLog.deadLetters.list(10)).length === count, waits);
  await vi.waitUntil(async () => (await consumer.lag()).records === 0, waits);
  await consumer[Symbol.asyncDispose]();
}

interface Letter {
  readonly id: string;
  readonly key: string;
  readonly event: { n: number };
}

describe("events in the database", { timeout: SLOW_MS }, () => {
  const here = emptyFolder();
  const roost = (line: string) => runRoost(line.split(" "), { DATA_DIR: here }, here);
  const letters = async (): Promise<Letter[]> =>
    JSON.parse((await roost("events dlq list --json")).stdout) as Letter[];

  beforeAll(async () => {
    const server = await startEmbeddedServer({ dataDir: here, log: () => {} });
    const options = { poolSize: 5, statementTimeoutMs: 5_000, log: () => {} };
    const database = new Database({ connection: server.connection, ...options });
    await migrate(database.db);
    const eventLog = new PostgresEventLog({ database, log, clock: systemClock, isAlone: true, patience });
    await bury(eventLog, 4);
    await eventLog[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
    await server.stop();
  }, SLOW_MS);

  it("lists dead letters and shows one", async () => {
    const found = await letters();
    expect(found.map(({ key, event }) => [key, event.n])).toEqual([1, 2, 3, 4].map((n) => [`${n}`, n]));
    const shown = await roost(`events dlq show ${found[1]?.id}`);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(/event\s+\{.*"n":2.*\}\nerror\s+nobody can handle this/);
    expect((await roost("events dlq list --limit 2")).stdout.split("\n")).toHaveLength(4);
    expect(await roost("events dlq show 999999")).toMatchObject({ code: 1, stdout: "" });
  });

  it("requeues one for every group, and discards the others, asking before it discards all", async () => {
    const [first, second] = (await letters()).map(({ id }) => id);
    const before = await waitingFor("notifications");
    expect(await roost(`events dlq requeue ${first}`)).toMatchObject({
      code: 0,
      stdout: "1 dead letter was requeued.\n",
    });
    expect(await waitingFor("fan-out")).toBe(1);
    expect(await waitingFor("notifications")).toBe(before + 1);
    expect(JSON.parse((await roost(`events dlq discard ${second} --json`)).stdout)).toEqual({
      discarded: [second],
    });
    expect((await letters()).map(({ event }) => event.n)).toEqual([3, 4]);
    expect((await roost("events dlq discard --all")).code).toBe(2);
    expect((await roost("events dlq requeue")).code).toBe(2);
    expect((await roost("events dlq discard --all --yes")).stdout).toBe("2 dead letters were discarded.\n");
    expect(await letters()).toEqual([]);
  });

  async function waitingFor(group: string): Promise<number> {
    const lines = JSON.parse((await roost("events lag --json")).stdout) as {
      group: string;
      topic: string;
      records: number;
    }[];
    return lines.find((line) => line.group === group && line.topic === "events")?.records ?? -1;
  }
});

describe.skipIf(!hasKafka())(
  "events in Kafka (skipped without Kafka: scripts/install-engines)",
  { timeout: SLOW_MS },
  () => {
    const here = emptyFolder();
    const folder = mkdtempSync(join(tmpdir(), "roost-kafka-"));
    let kafka: KafkaServers;
    const roost = (line: string) =>
      runRoost(line.split(" "), { DATA_DIR: here, KAFKA_BROKERS: kafka.brokers }, here);

    beforeAll(async () => {
      kafka = await startKafka({ folder });
      expect((await roost("migrate")).code).toBe(0);
    }, SLOW_MS);
    afterAll(async () => {
      await kafka?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    it("are counted, and its dead letters listed and requeued", async () => {
      const options = { brokers: [kafka.brokers], topicPrefix: "roost", log, clock: systemClock, patience };
      const eventLog = new KafkaEventLog(options);
      await bury(eventLog, 2);
      await eventLog[Symbol.asyncDispose]();
      const found = JSON.parse((await roost("events dlq list --json")).stdout) as Letter[];
      expect(found.map(({ event }) => event.n).sort()).toEqual([1, 2]);
      expect((await roost("events dlq requeue --all")).stdout).toBe("2 dead letters were requeued.\n");
      expect((await roost("events lag")).stdout).toMatch(/^fan-out +events +kafka +2 +\d/m);
    });

    it("that aren't there end a command with 69, and doctor says what to do", async () => {
      await kafka.kill("kafka-1");
      const lag = await roost("events lag");
      expect(lag).toMatchObject({ code: 69, stdout: "" });
      expect(lag.stderr).toContain(`Kafka can't be used at ${kafka.brokers} (KAFKA_BROKERS)`);
      expect((await roost("doctor")).stdout).toMatch(
        /FAIL {2}Kafka .*\n.*start it, or correct KAFKA_BROKERS/,
      );
      expect(await roost("start --port 0")).toMatchObject({ code: 69, stdout: "" });
    });
  },
);
