/** The contract of each port, on the engines of the cluster: through its pooler, in its Redis Cluster and its Kafka. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { Database, migrate } from "../../src/engines/database/pools.ts";
import { eventLogContract, QUICK } from "../../src/engines/event-log/contract.ts";
import { KafkaEventLog } from "../../src/engines/event-log/kafka.ts";
import { PostgresEventLog } from "../../src/engines/event-log/postgres.ts";
import { invalidationLogContract } from "../../src/engines/invalidation-log/contract.ts";
import { RedisInvalidationLog } from "../../src/engines/invalidation-log/redis.ts";
import { liveBusContract } from "../../src/engines/live-bus/contract.ts";
import { RedisLiveBus } from "../../src/engines/live-bus/redis.ts";
import { RedisClient } from "../../src/engines/redis/client.ts";
import { sharedLevelContract } from "../../src/engines/shared-cache/contract.ts";
import { levelsOn } from "../../src/engines/shared-cache/spawned.ts";
import { timelineStoreContract } from "../../src/engines/timeline-store/contract.ts";
import { RedisTimelineStore } from "../../src/engines/timeline-store/redis.ts";
import { ensureDatabases, removeTenant, tenantSettings, testCluster } from "../support/cluster-tenant.ts";

const DAY_MS = 86_400_000;
const log = pino({ level: "silent" });

describe.skipIf(!testCluster)("on the cluster (skipped without one: npm run test:cluster)", () => {
  const dataDir = mkdtempSync(join(tmpdir(), "roost-contracts-"));
  const opened = new AsyncDisposableStack();
  let settings: Readonly<Record<string, string>>;
  let database: Database;
  let made = 0;

  beforeAll(async () => {
    settings = tenantSettings(dataDir);
    await ensureDatabases(settings);
    database = opened.use(
      new Database({
        connection: { connectionString: settings.DATABASE_URL ?? "" },
        direct: { connectionString: settings.DATABASE_DIRECT_URL ?? "" },
        poolSize: 10,
        statementTimeoutMs: 10_000,
        log: () => {},
      }),
    );
    await migrate(database.db);
  });
  afterAll(async () => {
    await opened.disposeAsync();
    await removeTenant(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** Of two processes, with time for an answer though much else runs here. */
  const pair = async (): Promise<[RedisClient, RedisClient]> => {
    const options = {
      url: settings.REDIS_URL ?? "",
      keyPrefix: `${settings.REDIS_KEY_PREFIX}_${++made}`,
      log,
      deadlinesMs: { prompt: 10_000, bulk: 10_000 },
    };
    return [opened.use(await RedisClient.open(options)), opened.use(await RedisClient.open(options))];
  };

  describe("timelines in Redis", () => {
    timelineStoreContract(async (maxEntries) => {
      const [one, other] = await pair();
      const storeOn = (client: RedisClient) =>
        new RedisTimelineStore(client, { maxEntries, idleMs: DAY_MS }, systemClock);
      return [storeOn(one), storeOn(other)];
    });
  });

  describe("the invalidation log in Redis", () => {
    invalidationLogContract(async () => {
      const [one, other] = await pair();
      return [new RedisInvalidationLog(one), new RedisInvalidationLog(other)];
    });
  });

  describe("the live bus over Redis", () => {
    liveBusContract(async () => {
      const [one, other] = await pair();
      return [await RedisLiveBus.open(one), await RedisLiveBus.open(other)];
    });
  });

  describe("the shared cache on Redis", () => {
    sharedLevelContract(async () => levelsOn(await pair()));
  });

  describe("the event log in Kafka", () => {
    const logIn = () =>
      new KafkaEventLog({
        brokers: (settings.KAFKA_BROKERS ?? "").split(","),
        topicPrefix: settings.KAFKA_TOPIC_PREFIX ?? "",
        log,
        clock: systemClock,
        patience: QUICK,
        // The contract compares across keys, and order is promised within a key.
        partitions: 1,
      });
    eventLogContract(async () => ({ logs: [logIn(), logIn()], topic: `topic.${++made}` }));
  });

  describe("the event log in PostgreSQL", () => {
    const logIn = () =>
      new PostgresEventLog({ database, log, clock: systemClock, isAlone: false, patience: QUICK });
    eventLogContract(async () => ({ logs: [logIn(), logIn()], topic: `topic.${++made}` }));
  });
});
