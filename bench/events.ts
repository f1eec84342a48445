/** From the outbox through Kafka to a consumer, held against what the broker takes and gives without PostgreSQL. */
import { join } from "node:path";
import { sql } from "kysely";
import { pino } from "pino";
import { hasKafka, startKafka } from "../src/cluster/kafka.ts";
import { sleep, systemClock } from "../src/core/clock.ts";
import { KafkaEventLog } from "../src/engines/event-log/kafka.ts";
import { EVENTS_TOPIC } from "../src/engines/event-log/outbox.ts";
import { PostgresEventLog } from "../src/engines/event-log/postgres.ts";
import { startRelay } from "../src/workers/relay.ts";
import type { Measured, Part } from "./report.ts";
import { prepare, temporaryFolder } from "./support.ts";

const EVENTS = 100_000;
const AUTHORS = 5_000;
const BATCH = 500;

export const events: Part = { rows: [], measure };

async function measure(): Promise<Measured> {
  if (!hasKafka()) throw new Error("Kafka isn't installed (scripts/install-engines)");
  using folder = temporaryFolder();
  await using kafka = await startKafka({ folder: join(folder.path, "kafka") });
  const log = pino({ level: "error" });
  // Awaited here: the folder and the broker must stay until the work is done.
  return await prepare({ DATA_DIR: folder.path }, async ({ database }) => {
    await using eventLog = new KafkaEventLog({
      brokers: [kafka.brokers],
      topicPrefix: "bench",
      log,
      clock: systemClock,
    });
    const limit = await publishAll(eventLog, "bare");
    await using outbox = new PostgresEventLog({ database, log, clock: systemClock, isAlone: true });
    await sql`insert into event_log (topic, key, payload)
      select ${EVENTS_TOPIC}, n % ${AUTHORS}::int,
        jsonb_build_object('type', 'status.published', 'statusId', n::text, 'authorId', (n % ${AUTHORS}::int)::text)
      from generate_series(1, ${EVENTS}::int) n`.execute(database.db);
    const relayed = await perSecond(async () => {
      const relay = await startRelay({ outbox, eventLog });
      while ((await relay.lag()).records > 0) await sleep(20);
      await relay[Symbol.asyncDispose]();
    });
    const consumed = await consumeAll(eventLog, EVENTS_TOPIC);
    return {
      conditions: `${EVENTS} events of ${AUTHORS} authors, one broker`,
      figures: [
        {
          what: "events relayed from the outbox to Kafka",
          measured: relayed,
          unit: "/s",
          heldAgainst: { what: `published in batches of ${BATCH}, without the outbox`, value: limit },
        },
        { what: "consumed by one process, 200 a batch, offsets committed", measured: consumed, unit: "/s" },
      ],
    };
  });
}

async function perSecond(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return Math.round((EVENTS / (performance.now() - startMs)) * 1_000);
}

function publishAll(eventLog: KafkaEventLog, topic: string): Promise<number> {
  return perSecond(async () => {
    for (let from = 0; from < EVENTS; from += BATCH) {
      const records = Array.from({ length: BATCH }, (_, i) => {
        const id = `${from + i}`;
        const author = (from + i) % AUTHORS;
        const event = { type: "status.published", statusId: id, authorId: `${author}` };
        return { key: BigInt(author), payload: JSON.stringify(event) };
      });
      await eventLog.publish(topic, records);
    }
  });
}

function consumeAll(eventLog: KafkaEventLog, topic: string): Promise<number> {
  return perSecond(async () => {
    let count = 0;
    const all = Promise.withResolvers<void>();
    const consumer = await eventLog.consume({
      topic,
      group: "bench",
      maxRecords: 200,
      handle: async (payloads) => {
        count += payloads.length;
        if (count >= EVENTS) all.resolve();
      },
    });
    await all.promise;
    await consumer[Symbol.asyncDispose]();
  });
}
