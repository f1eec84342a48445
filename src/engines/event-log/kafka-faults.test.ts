/** What the log in Kafka promises while brokers and consumers are killed and frozen, on three brokers under load. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasKafka, type KafkaServers, startKafka } from "../../cluster/kafka.ts";
import { systemClock } from "../../core/clock.ts";
import { KafkaEventLog } from "./kafka.ts";
import type { EventLog } from "./port.ts";

const log = pino({ level: "silent" });
const KEYS = 24;
const ENOUGH_MS_MAX = 25_000;

interface Load {
  /** Of each key, how many records were acknowledged, numbered from 0. */
  readonly acknowledged: readonly number[];
  /** Numbers of each key in the order they were handled, repetitions included. */
  readonly handled: readonly number[][];
  /** Publishes for so long at the least, and until it is enough. */
  run(forMs: number, isEnough?: () => boolean): Promise<void>;
  /** Waits until everything that was acknowledged is handled. */
  settle(): Promise<void>;
}

describe.skipIf(!hasKafka())("three brokers (skipped without Kafka: scripts/install-engines)", () => {
  const folder = mkdtempSync(join(tmpdir(), "roost-kafka-"));
  let kafka: KafkaServers;
  let topics = 0;

  beforeAll(async () => {
    kafka = await startKafka({ folder, brokers: 3 });
  });
  afterAll(async () => {
    await kafka?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = () =>
    new KafkaEventLog({ brokers: kafka.brokers.split(","), topicPrefix: "faults", log, clock: systemClock });

  /** Two members of one group, and a publisher that, as the relay does, goes on with a key once it is acknowledged. */
  async function load(logs: readonly [EventLog, EventLog], topic: string): Promise<Load> {
    const acknowledged = Array.from({ length: KEYS }, () => 0);
    const handled: number[][] = Array.from({ length: KEYS }, () => []);
    for (const eventLog of logs) {
      await eventLog.consume({
        topic,
        group: "group",
        maxRecords: 50,
        handle: async (payloads, keys) => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          payloads.forEach((payload, i) => {
            handled[Number(keys[i])]?.push((payload as { n: number }).n);
          });
        },
      });
    }
    const publish = async (key: number, goesOn: () => boolean) => {
      while (goesOn()) {
        const record = { key: BigInt(key), payload: JSON.stringify({ n: acknowledged[key] }) };
        const isDone = await logs[key % 2]?.publish(topic, [record]).then(
          () => true,
          () => false,
        );
        if (isDone) acknowledged[key] = (acknowledged[key] ?? 0) + 1;
        else await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const missing = () => acknowledged.filter((count, key) => new Set(handled[key]).size < count).length;
    return {
      acknowledged,
      handled,
      run: async (forMs, isEnough = () => true) => {
        const startMs = performance.now();
        const goesOn = () => {
          const ranMs = performance.now() - startMs;
          return ranMs < forMs || (ranMs < ENOUGH_MS_MAX && !isEnough());
        };
        await Promise.all(acknowledged.map((_, key) => publish(key, goesOn)));
      },
      settle: () => expect.poll(missing, { timeout: 30_000, interval: 100 }).toBe(0),
    };
  }

  function expectOrder({ handled }: Load): void {
    handled.forEach((numbers, key) => {
      // What is given again may be older; what is given for the first time may not.
      const first = [...new Set(numbers)];
      expect({ key, first }).toEqual({ key, first: [...first].sort((a, b) => a - b) });
    });
  }

  const faults = {
    "killed with SIGKILL": { strike: () => kafka.kill("kafka-1"), heal: () => kafka.restart("kafka-1") },
    "frozen with SIGSTOP": {
      strike: async () => kafka.freeze("kafka-2"),
      heal: async () => kafka.thaw("kafka-2"),
    },
  };

  for (const [fault, { strike, heal }] of Object.entries(faults)) {
    test(`a broker is ${fault}: nothing acknowledged is lost, each key keeps its order`, async () => {
      await using one = open();
      await using two = open();
      const running = await load([one, two], `topic.${++topics}`);
      await running.run(1_000, () => Math.min(...running.acknowledged) >= 10);
      let struck = Number.POSITIVE_INFINITY;
      // With two of three brokers publishing goes on, after a pause, for every key.
      const hasGoneOn = () => sum(running.acknowledged) > struck + 10 * KEYS;
      const underFault = running.run(5_000, hasGoneOn);
      await strike();
      struck = sum(running.acknowledged);
      await underFault;
      expect(hasGoneOn()).toBe(true);
      await running.settle();
      await heal();
      await running.run(1_000);
      await running.settle();
      expectOrder(running);
    }, 90_000);
  }

  test("a consumer killed in the middle of a batch: another is given the batch", async () => {
    await using eventLog = open();
    const topic = `topic.${++topics}`;
    await eventLog.publish(
      topic,
      Array.from({ length: 40 }, (_, n) => ({ key: BigInt(n % 8), payload: JSON.stringify({ n }) })),
    );
    // Takes all partitions and never ends its first batch.
    const child = spawn(
      process.execPath,
      ["--input-type=module", "-e", ENDLESS, import.meta.dirname, kafka.brokers, topic],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      await new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
      const handled = new Set<number>();
      await eventLog.consume({
        topic,
        group: "group",
        maxRecords: 10,
        handle: async (payloads) => {
          for (const payload of payloads) handled.add((payload as { n: number }).n);
        },
      });
      child.kill("SIGKILL");
      await expect.poll(() => handled.size, { timeout: 20_000, interval: 50 }).toBe(40);
    } finally {
      child.kill("SIGKILL");
    }
  }, 30_000);
});

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

const ENDLESS = `
  const [folder, brokers, topic] = process.argv.slice(1);
  const { KafkaEventLog } = await import(folder + "/kafka.ts");
  const log = { warn: console.error, error: console.error };
  const clock = { nowMs: () => Date.now() };
  const eventLog = new KafkaEventLog({ brokers: brokers.split(","), topicPrefix: "faults", log, clock });
  await eventLog.consume({ topic, group: "group", maxRecords: 10, handle: () => {
    console.log("holding");
    return new Promise(() => setInterval(() => {}, 1000));
  } });
`;
