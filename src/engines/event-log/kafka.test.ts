import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe } from "vitest";
import { hasKafka, type KafkaServers, startKafka } from "../../cluster/kafka.ts";
import { systemClock } from "../../core/clock.ts";
import { eventLogContract, QUICK } from "./contract.ts";
import { KafkaEventLog } from "./kafka.ts";

const log = pino({ level: process.env.TEST_LOG ?? "silent" });

describe.skipIf(!hasKafka())(
  "the event log in Kafka (skipped without Kafka: scripts/install-engines)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "roost-kafka-"));
    let kafka: KafkaServers;
    let topics = 0;

    beforeAll(async () => {
      kafka = await startKafka({ folder });
    });
    afterAll(async () => {
      await kafka?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    const open = (partitions?: number) =>
      new KafkaEventLog({
        brokers: kafka.brokers.split(","),
        topicPrefix: "test",
        log,
        clock: systemClock,
        patience: QUICK,
        ...(partitions ? { partitions } : {}),
      });

    // One partition: the contract compares across keys, and order is promised within a key.
    eventLogContract(async () => ({ logs: [open(1), open(1)], topic: `topic.${++topics}` }));
  },
);
