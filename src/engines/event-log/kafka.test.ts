import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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

    test("members of a group share the partitions of a topic; each key stays with one of them, in order", async () => {
      const topic = `shared.${++topics}`;
      const [one, two] = [open(), open()];
      const got = [new Map<bigint, number[]>(), new Map<bigint, number[]>()];
      try {
        for (const [i, eventLog] of [one, two].entries()) {
          await eventLog.consume({
            topic,
            group: "group",
            maxRecords: 20,
            handle: async (payloads, keys) =>
              payloads.forEach((payload, at) => {
                const key = keys[at] ?? 0n;
                const numbers = got[i]?.get(key) ?? [];
                got[i]?.set(key, [...numbers, (payload as { n: number }).n]);
              }),
          });
        }
        const publish = (n: number) =>
          one.publish(
            topic,
            Array.from({ length: 60 }, (_, key) => ({ key: BigInt(key), payload: JSON.stringify({ n }) })),
          );
        // Until both have a share; the first may have had it all for a moment.
        let n = 0;
        await expect
          .poll(
            async () => {
              await publish(n++);
              return Math.min(...got.map((mine) => mine.size));
            },
            { timeout: 20_000 },
          )
          .toBeGreaterThan(0);
        await expect.poll(async () => (await one.lag(topic, "group")).records, { timeout: 10_000 }).toBe(0);
        const settled = n;
        for (; n < settled + 5; n++) await publish(n);
        await expect.poll(async () => (await one.lag(topic, "group")).records, { timeout: 10_000 }).toBe(0);
        const numbersOf = (key: bigint) =>
          got.map((mine) => (mine.get(key) ?? []).filter((number) => number >= settled));
        for (let key = 0n; key < 60n; key++) {
          const [ones = [], twos = []] = numbersOf(key);
          const expected = Array.from({ length: 5 }, (_, i) => settled + i);
          expect([...ones, ...twos]).toEqual(expected);
          expect(Math.min(ones.length, twos.length)).toBe(0);
        }
      } finally {
        await one[Symbol.asyncDispose]();
        await two[Symbol.asyncDispose]();
      }
    });
  },
);
