/** Two relays on one outbox: one carries events, the other stands by and takes over when it must. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasKafka, type KafkaServers, startKafka } from "../../src/cluster/kafka.ts";
import { hasRedis } from "../../src/cluster/redis.ts";
import { sleep, systemClock } from "../../src/core/clock.ts";
import { KafkaEventLog } from "../../src/engines/event-log/kafka.ts";
import { EVENTS_TOPIC } from "../../src/engines/event-log/outbox.ts";
import { type SignedUp, signUp } from "../support/client.ts";
import { openSharedPlace, type RunningPart, type SharedPlace } from "../support/parts.ts";

/** A relay that isn't heard of keeps its place for 10 s. */
const TAKEN_OVER = { timeout: 25_000, interval: 50 };
const AUTHORS = 4;
/** Of each author. */
const POSTS_AT_ONCE = 3;
const PACE_MS = 20;
/** So many more, and several batches have gone or should have. */
const MANY_POSTS = 150;

describe.skipIf(!hasKafka() || !hasRedis())(
  "two relays (skipped without Kafka and Redis: scripts/install-engines)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "roost-kafka-"));
    let kafka: KafkaServers;
    let place: SharedPlace;
    let url: string;
    let relays: RunningPart[];
    let author: SignedUp;
    let follower: SignedUp;

    beforeAll(async () => {
      kafka = await startKafka({ folder });
      place = await openSharedPlace();
      const env = { KAFKA_BROKERS: kafka.brokers };
      const api = await place.start(["api", "--processes", "1"], env);
      // The first of them is the first to read.
      relays = [await place.start(["relay"], env), await place.start(["relay"], env)];
      await place.start(["fanout"], env);
      url = api.url;
      [author, follower] = (await signUp(api.url, "author", "follower")) as [SignedUp, SignedUp];
      await follower.client.follow(author.id);
      await follower.client.home();
    }, 120_000);
    afterAll(async () => {
      await place?.[Symbol.asyncDispose]();
      await kafka?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    async function delayOf(text: string): Promise<number> {
      const { id } = await author.client.publish(text);
      const postedMs = performance.now();
      await expect
        .poll(async () => (await follower.client.home()).some((status) => status.id === id), TAKEN_OVER)
        .toBe(true);
      return performance.now() - postedMs;
    }

    test("a frozen one gives way; back again it stands by, and takes over from one that is killed", async () => {
      await delayOf("While both are well");
      relays[0]?.signal("SIGSTOP");
      await delayOf("While one is frozen");
      relays[0]?.signal("SIGCONT");
      // The other carries now, so it is no matter whether this one runs.
      expect(await delayOf("With both again")).toBeLessThan(5_000);
      relays[1]?.signal("SIGKILL");
      await delayOf("While one is dead");
      const home = await follower.client.home();
      expect(home.map(({ content }) => content.replace(/<[^>]+>/g, ""))).toEqual([
        "While one is dead",
        "With both again",
        "While one is frozen",
        "While both are well",
      ]);
    }, 90_000);

    test("one that is killed while it publishes, under load, leaves each author's events in the order of the outbox", async () => {
      await using log = await readLog(kafka.brokers);
      const authors = await signUp(url, ...Array.from({ length: AUTHORS }, (_, i) => `author${i}`));
      // Stands by for the first, which has carried since the other was killed.
      await place.start(["relay"], { KAFKA_BROKERS: kafka.brokers });
      let posted = 0;
      const loading = new AbortController();
      const posting = Promise.all(
        authors.flatMap(({ client }) =>
          Array.from({ length: POSTS_AT_ONCE }, async () => {
            for (; !loading.signal.aborted; await sleep(PACE_MS)) await client.publish(`Post ${++posted}`);
          }),
        ),
      );
      const manyMore = async () => {
        const before = posted;
        await expect.poll(() => posted, TAKEN_OVER).toBeGreaterThan(before + MANY_POSTS);
      };
      await manyMore();
      // What it publishes now gets no answer: it mustn't count that as carried, nor go on to the next batch.
      kafka.freeze("kafka-1");
      await manyMore();
      relays[0]?.signal("SIGKILL");
      await relays[0]?.exited;
      kafka.thaw("kafka-1");
      const { id: afterwards } = await author.client.publish("With the next one");
      await expect.poll(() => log.has(afterwards), TAKEN_OVER).toBe(true);
      loading.abort("enough");
      await posting;
      const outbox = await outboxOf(place.settings.DATABASE_URL ?? "");
      const written = [...outbox.values()].flat().length;
      await expect.poll(() => log.size(), TAKEN_OVER).toBe(written);
      for (const { id } of authors) expect(log.firstSeen(id)).toEqual(outbox.get(id));
    }, 60_000);
  },
);

/** Everything in the event log, of each key in the order in which it came for the first time. */
async function readLog(brokers: string) {
  const seen = new Map<string, Set<string>>();
  const log = pino({ level: "silent" });
  const eventLog = new KafkaEventLog({ brokers: [brokers], topicPrefix: "roost", log, clock: systemClock });
  await eventLog.consume({
    topic: EVENTS_TOPIC,
    group: "reader",
    maxRecords: 500,
    handle: async (payloads, keys) =>
      payloads.forEach((payload, i) => {
        const key = `${keys[i]}`;
        seen.set(key, (seen.get(key) ?? new Set()).add(JSON.stringify(payload)));
      }),
  });
  return {
    has: (statusId: string) =>
      [...seen.values()].some((events) => [...events].some((event) => event.includes(statusId))),
    size: () => [...seen.values()].reduce((sum, events) => sum + events.size, 0),
    firstSeen: (key: string) => [...(seen.get(key) ?? [])],
    [Symbol.asyncDispose]: () => eventLog[Symbol.asyncDispose](),
  };
}

/** What was written in the transactions of the changes, of each key in the order of commits. */
async function outboxOf(connectionString: string): Promise<Map<string, string[]>> {
  const database = new pg.Client({ connectionString });
  await database.connect();
  try {
    const { rows } = await database.query<{ key: string; payload: unknown }>(
      "select key::text, payload from event_log where topic = $1 order by transaction_id, position",
      [EVENTS_TOPIC],
    );
    const events = new Map<string, string[]>();
    for (const { key, payload } of rows)
      events.set(key, [...(events.get(key) ?? []), JSON.stringify(payload)]);
    return events;
  } finally {
    await database.end();
  }
}
