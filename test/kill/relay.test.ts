/** Two relays on one outbox: one carries events, the other stands by and takes over when it must. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasKafka, type KafkaServers, startKafka } from "../../src/cluster/kafka.ts";
import { hasRedis } from "../../src/cluster/redis.ts";
import { type SignedUp, signUp } from "../support/client.ts";
import { openSharedPlace, type RunningPart, type SharedPlace } from "../support/parts.ts";

/** A relay that isn't heard of keeps its place for 10 s. */
const TAKEN_OVER = { timeout: 25_000, interval: 50 };

describe.skipIf(!hasKafka() || !hasRedis())(
  "two relays (skipped without Kafka and Redis: scripts/install-engines)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "roost-kafka-"));
    let kafka: KafkaServers;
    let place: SharedPlace;
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
  },
);
