/** A server whose events go through Kafka: what it promises holds while Kafka is away, and when it comes back. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasKafka, type KafkaServers, startKafka } from "../../src/cluster/kafka.ts";
import { Client, type SignedUp, signUp } from "../support/client.ts";
import { makeDataDir, type RunningRoost, removeDataDir, startRoost } from "../support/start-roost.ts";

const SOON = { timeout: 10_000, interval: 50 };
/** After Kafka was away: pauses between attempts have grown, and the group has to find together again. */
const HEALED = { timeout: 30_000, interval: 100 };

describe.skipIf(!hasKafka())("events through Kafka (skipped without Kafka: scripts/install-engines)", () => {
  const folder = mkdtempSync(join(tmpdir(), "roost-kafka-"));
  const dataDir = makeDataDir();
  let kafka: KafkaServers;
  let roost: RunningRoost;
  let author: SignedUp;
  let follower: SignedUp;

  const start = async () => {
    roost = await startRoost({ dataDir, env: { KAFKA_BROKERS: kafka.brokers } });
  };
  beforeAll(async () => {
    kafka = await startKafka({ folder });
    await start();
    const people = await signUp(roost.url, "author", "follower");
    [author, follower] = people as [SignedUp, SignedUp];
    await follower.client.follow(author.id);
  });
  afterAll(async () => {
    await roost?.[Symbol.asyncDispose]();
    await kafka?.[Symbol.asyncDispose]();
    await removeDataDir(dataDir);
    rmSync(folder, { recursive: true, force: true });
  });

  const homeOf = async (account: SignedUp) => (await account.client.home()).map((status) => status.id);

  test("a post reaches a timeline that is kept, and who is mentioned", async () => {
    // Built now: what it gets from here on was delivered, not read from the database.
    expect(await homeOf(follower)).toEqual([]);
    const status = await author.client.publish("Hello @follower");
    await expect.poll(() => homeOf(follower), SOON).toEqual([status.id]);
    const mentions = async () =>
      (await follower.client.get<{ type: string }[]>("/api/v1/notifications")).map(({ type }) => type);
    await expect.poll(mentions, SOON).toContain("mention");
  });

  test("without Kafka posts are taken and their author sees them; with it again, all arrive once", async () => {
    const before = await homeOf(follower);
    await kafka.kill("kafka-1");
    const written: string[] = [];
    for (let n = 0; n < 5; n++) written.unshift((await author.client.publish(`Post ${n}`)).id);
    expect(await homeOf(author)).toEqual([...written, ...before]);
    expect(await homeOf(follower)).toEqual(before);
    await kafka.restart("kafka-1");
    await expect.poll(() => homeOf(follower), HEALED).toEqual([...written, ...before]);
  });

  test("posts that were not relayed yet survive the kill of the server", async () => {
    await kafka.kill("kafka-1");
    const status = await author.client.publish("Nobody has heard of this yet");
    await roost.kill9();
    await kafka.restart("kafka-1");
    await start();
    // On another port.
    const again = { ...follower, client: new Client(roost.url, follower.client.token) };
    expect(await homeOf(again)).toContain(status.id);
    const next = await new Client(roost.url, author.client.token).publish("And this comes after");
    await expect.poll(async () => (await homeOf(again)).slice(0, 2), HEALED).toEqual([next.id, status.id]);
  });
});
