/**
 * Consumers of events on a whole cluster: a process more takes its share of them under load and hands it back, what is
 * handled twice changes nothing, and what nobody can handle is put aside, to be looked at and handled when it can be.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Admin } from "@platformatic/kafka";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sleep } from "../../src/core/clock.ts";
import { FAN_OUT_GROUP } from "../../src/workers/groups.ts";
import { AccountPool } from "../support/account-pool.ts";
import type { SignedUp, Status } from "../support/client.ts";
import { joinOnCluster, type Process, tenantSettings, testCluster } from "../support/cluster-tenant.ts";
import { patiently } from "../support/patient.ts";
import { type RunningRoost, startRoost } from "../support/start-roost.ts";
import { waitFor } from "../support/wait.ts";
import { MAIN } from "./stage.ts";

const TOPICS = ["events", "fan-out.small"] as const;
/** Of each topic. */
const PARTITIONS = 12;
const AUTHORS = 24;
const READERS = 2;
const PAUSE_MS = 100;
/** A member that is silent keeps its share for 6 s. */
const SHARED_MS_MAX = 60_000;
const DELIVERED_MS_MAX = 60_000;
/** A record that can't be handled is tried for half a minute before it is put aside. */
const BURIED_MS_MAX = 120_000;

interface Counted {
  readonly favourites_count: number;
  readonly replies_count: number;
  readonly reblogs_count: number;
}

interface Profile {
  readonly statuses_count: number;
  readonly followers_count: number;
}

interface Letter {
  readonly id: string;
  readonly topic: string;
  readonly group: string;
  readonly error: string;
}

describe.skipIf(!testCluster)("consumers on a cluster (needs TEST_CLUSTER)", () => {
  let roost: RunningRoost;
  let authors: SignedUp[];
  let readers: SignedUp[];
  let settings: Readonly<Record<string, string>>;
  const posts: string[] = [];

  beforeAll(async () => {
    roost = await startRoost();
    settings = tenantSettings(roost.dataDir);
    await using accounts = await AccountPool.open(roost);
    authors = await accounts.take(AUTHORS);
    readers = await accounts.take(READERS);
    for (const { client } of readers)
      for (const { id } of authors) await patiently(client, "POST", `/api/v1/accounts/${id}/follow`);
    // Kept from now on: what comes into them was delivered.
    for (const { client } of readers) expect(await client.home()).toEqual([]);
  }, 400_000);

  afterAll(async () => {
    await roost?.[Symbol.asyncDispose]();
  });

  const post = async (author: SignedUp, status: string) => {
    const { body } = await patiently<Status>(author.client, "POST", "/api/v1/statuses", { status });
    posts.push(body.id);
    return body.id;
  };

  /** Everybody posts; resolves to what stops it. */
  function load(): () => Promise<void> {
    let isOver = false;
    const running = authors.map(async (author) => {
      while (!isOver) {
        await post(author, `Post ${posts.length}`);
        await sleep(PAUSE_MS);
      }
    });
    return async () => {
      isOver = true;
      await Promise.all(running);
    };
  }

  const newestFirst = () => posts.toSorted((a, b) => (BigInt(a) < BigInt(b) ? 1 : -1));
  const homeOf = async ({ client }: SignedUp): Promise<string[]> => {
    for (;;) {
      // A balancer may cut a reader off when the machine is too busy: they come again.
      const pages = await client.homeByLinks(40).catch(() => null);
      if (pages) return pages.flat();
      await sleep(PAUSE_MS);
    }
  };

  /** Every post, once, in its place. */
  async function expectAll(): Promise<void> {
    for (const reader of readers) {
      await waitFor(
        async () => new Set(await homeOf(reader)).size >= posts.length,
        DELIVERED_MS_MAX,
        `${reader.username} sees ${posts.length} posts`,
      );
      expect(await homeOf(reader)).toEqual(newestFirst());
    }
  }

  /** A post by each, so by all partitions, is there soon. */
  async function expectNothingStuck(): Promise<void> {
    await Promise.all(authors.map((author) => post(author, "Is this coming?")));
    await expectAll();
  }

  test("a process that joins under load takes its share; killed, the others go on with it", async () => {
    const stop = load();
    let second: Process | null = null;
    try {
      await waitFor(() => posts.length > 3 * AUTHORS, DELIVERED_MS_MAX, "people post");
      for (const topic of TOPICS) await shared(topic, [PARTITIONS]);
      second = await joinOnCluster(roost, "fanout");
      for (const topic of TOPICS) await shared(topic, [PARTITIONS / 2, PARTITIONS / 2]);
      const { port } = second;
      await waitFor(
        async () => (await deliveriesOf(port)) > AUTHORS,
        SHARED_MS_MAX,
        "the second one delivers",
      );
      await second.end("SIGKILL");
      const killedMs = performance.now();
      for (const topic of TOPICS) await shared(topic, [PARTITIONS]);
      console.log(`what was killed was another's ${Math.round(performance.now() - killedMs)} ms later`);
    } finally {
      await stop();
      await second?.end("SIGKILL");
    }
    await expectAll();
    await expectNothingStuck();
  }, 240_000);

  test("one that leaves in order hands its share back at once", async () => {
    const second = await joinOnCluster(roost, "fanout");
    const stop = load();
    try {
      for (const topic of TOPICS) await shared(topic, [PARTITIONS / 2, PARTITIONS / 2]);
      expect(await second.end("SIGTERM")).toBe(0);
      for (const topic of TOPICS) await shared(topic, [PARTITIONS]);
    } finally {
      await stop();
      await second.end("SIGKILL");
    }
    await expectAll();
  }, 240_000);

  test("all events once more: nobody sees anything twice, and nothing counts twice", async () => {
    const [author, reader] = [authors[0], readers[0]] as [SignedUp, SignedUp];
    const told = await post(author, `Hello @${reader.username}`);
    await patiently(reader.client, "POST", `/api/v1/statuses/${told}/favourite`);
    const state = async () => ({
      homes: await Promise.all(readers.map(homeOf)),
      told: await Promise.all(
        [author, reader].map(async ({ client }) =>
          (await client.get<{ id: string; type: string }[]>("/api/v1/notifications")).map(
            ({ id, type }) => `${type} ${id}`,
          ),
        ),
      ),
      counts: await reader.client
        .get<Counted>(`/api/v1/statuses/${told}`)
        .then(({ favourites_count, replies_count, reblogs_count }) => ({
          favourites_count,
          replies_count,
          reblogs_count,
        })),
      statuses: (await reader.client.get<Profile>(`/api/v1/accounts/${author.id}`)).statuses_count,
      followers: (await reader.client.get<Profile>(`/api/v1/accounts/${author.id}`)).followers_count,
    });
    await expectAll();
    await waitFor(async () => (await waiting()) === 0, DELIVERED_MS_MAX, "all events are handled");
    const before = await state();
    expect(before.told.map((one) => one.length > 0)).toEqual([true, true]);
    let repeated = 0;
    for (const url of databaseUrls()) {
      repeated += await change(
        url,
        "insert into event_log (topic, key, payload) select topic, key, payload from event_log where topic = 'events'",
      );
    }
    expect(repeated).toBeGreaterThanOrEqual(posts.length / 2);
    // Behind them all, by every author.
    await expectNothingStuck();
    await waitFor(async () => (await waiting()) === 0, DELIVERED_MS_MAX, "all events are handled again");
    const after = await state();
    const isOld = (id: string) => before.homes[0]?.includes(id);
    expect({ ...after, homes: after.homes.map((home) => home.filter(isOld)) }).toEqual({
      ...before,
      // The one behind them all.
      statuses: before.statuses + 1,
    });
    expect(after).toMatchObject({ counts: { favourites_count: 1 }, followers: READERS });
  }, 240_000);

  test("an event that can't be handled is put aside while others go on, and is handled when somebody asks", async () => {
    const [author, cursed, other] = [authors[0], readers[0], readers[1]] as [SignedUp, SignedUp, SignedUp];
    const mentions = async ({ client }: SignedUp) =>
      (await client.get<{ status: Status }[]>("/api/v1/notifications?types[]=mention")).map(
        ({ status }) => status.id,
      );
    for (const url of databaseUrls()) {
      await change(
        url,
        `create function refuse() returns trigger language plpgsql as
           $$ begin raise exception 'nobody may be told this'; end $$`,
      );
      await change(
        url,
        `create trigger refuse before insert on notifications for each row
           when (new.account_id = ${cursed.id}) execute function refuse()`,
      );
    }
    const poison = await post(author, `Hello @${cursed.username}`);
    const letters = async () => JSON.parse(await roostCommand("events", "dlq", "list", "--json")) as Letter[];
    await waitFor(async () => (await letters()).length > 0, BURIED_MS_MAX, "the event is put aside");
    const [letter] = await letters();
    expect(letter).toMatchObject({ group: "notifications", topic: "events" });
    expect(letter?.error).toContain("nobody may be told this");
    expect(await roostCommand("events", "dlq", "show", `${letter?.id}`)).toContain(poison);
    // By the same author, so in the same partition, behind it.
    const healthy = await post(author, `Hello @${other.username}`);
    await waitFor(async () => (await mentions(other)).includes(healthy), DELIVERED_MS_MAX, "others are told");
    expect(await mentions(cursed)).not.toContain(poison);
    for (const url of databaseUrls()) await change(url, "drop function refuse cascade");
    await roostCommand("events", "dlq", "requeue", `${letter?.id}`);
    await waitFor(
      async () => (await mentions(cursed)).includes(poison),
      DELIVERED_MS_MAX,
      "it is handled now",
    );
    expect(await letters()).toEqual([]);
    expect((await mentions(cursed)).filter((id) => id === poison)).toHaveLength(1);
    await expectAll();
  }, 300_000);

  /** Until the group's members have so many of the topic's partitions, all together every one, once. */
  async function shared(topic: string, counts: readonly number[]): Promise<void> {
    const { KAFKA_BROKERS = "", KAFKA_TOPIC_PREFIX = "" } = settings;
    const admin = new Admin({ clientId: "test", bootstrapBrokers: KAFKA_BROKERS.split(",") });
    const group = `${KAFKA_TOPIC_PREFIX}.${FAN_OUT_GROUP}.${topic}`;
    let last = "";
    try {
      await waitFor(
        async () => {
          const described = (await admin.describeGroups({ groups: [group] })).get(group);
          const shares = [...(described?.members.values() ?? [])].map(({ assignments }) =>
            [...(assignments?.values() ?? [])].flatMap(({ partitions }) => partitions),
          );
          last = `${described?.state} ${JSON.stringify(shares)}`;
          const isWhole = new Set(shares.flat()).size === PARTITIONS && shares.flat().length === PARTITIONS;
          const sizes = shares.map(({ length }) => length).sort();
          return isWhole && JSON.stringify(sizes) === JSON.stringify(counts);
        },
        SHARED_MS_MAX,
        `${topic} is shared as ${counts}`,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${last}`);
    } finally {
      await admin.close();
    }
  }

  /** Every database of this Roost. */
  function databaseUrls(): string[] {
    return [settings.DATABASE_DIRECT_URL ?? "", ...(settings.SHARD_URLS ?? "").split(",")];
  }

  async function roostCommand(...args: string[]): Promise<string> {
    const env = { PATH: process.env.PATH, ...settings };
    return (await promisify(execFile)(process.execPath, [MAIN, ...args], { env })).stdout;
  }

  /** Events that some group hasn't handled. */
  async function waiting(): Promise<number> {
    const lags = JSON.parse(await roostCommand("events", "lag", "--json")) as { records: number }[];
    return lags.reduce((sum, { records }) => sum + records, 0);
  }
});

/** Resolves to the number of rows. */
async function change(url: string, text: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

async function deliveriesOf(port: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(metrics.match(/^roost_fanout_deliveries_total\{lane="small"\} (\d+)/m)?.[1] ?? 0);
}
