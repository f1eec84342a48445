/**
 * While the main database is away: who only reads is answered, by its replica and by the databases of shards, and with
 * nothing that was changed since; who writes is refused.
 */
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postgresPrograms } from "../../src/cluster/plain-postgres.ts";
import { hasRedis } from "../../src/cluster/redis.ts";
import { Client, type SignedUp, type Status, signUp } from "../support/client.ts";
import { openReplicaStage, type ReplicaStage } from "../support/replica-stage.ts";
import { type ShardDatabases, startShardDatabases } from "../support/shard-databases.ts";
import { waitFor } from "../support/wait.ts";

const LAG_MS_MAX = 1_000;

describe.runIf(postgresPrograms() !== null && hasRedis())(
  "without the main database (needs postgresql and redis)",
  () => {
    let shards: ShardDatabases;
    let stage: ReplicaStage;
    let reader: SignedUp;
    let robin: SignedUp;
    let lark: SignedUp;
    let posts: string[];

    beforeAll(async () => {
      shards = await startShardDatabases(["first", "second"]);
      stage = await openReplicaStage({ lagMsMax: LAG_MS_MAX, shards: shards.shardUrls, servers: true });
      const people = await signUp(stage.writingUrl, "reader", "robin", "lark");
      [reader, robin, lark] = people as [SignedUp, SignedUp, SignedUp];
      for (const { id } of [robin, lark]) await reader.client.follow(id);
      posts = [];
      for (const { client } of [robin, lark, robin]) posts.push((await client.publish("hello")).id);
      posts.reverse();
      await waitFor(async () => (await home()).ids.join() === posts.join(), 10_000, "all is delivered");
    });
    afterAll(async () => {
      await stage?.[Symbol.asyncDispose]();
      await shards?.[Symbol.asyncDispose]();
    });

    const ask = <Body = Status[]>(path: string) =>
      new Client(stage.url, reader.client.token).ask<Body>("GET", path);

    async function home() {
      const { status, body, headers } = await ask("/api/v1/timelines/home");
      const staleMs = Number(headers.get("roost-staleness-ms") ?? 0);
      return { status, ids: status === 200 ? body.map(({ id }) => id) : [], staleMs, headers };
    }

    /** As of somebody who hasn't been here for a while. */
    function forget(): void {
      const { tokens, profiles, home } = stage.roost.api;
      for (const cache of [tokens, profiles, home.relations, home.statuses, home.pulled]) cache.clear();
    }

    const awayMs = () => stage.roost.database.replicas?.primaryAwayMs ?? 0;
    const isAway = () => waitFor(() => awayMs() > 0, 10_000, "the loss is noticed");
    const isBack = async () => {
      await waitFor(
        async () => (await reader.client.ask("POST", "/api/v1/statuses", { status: "back" })).status === 200,
        30_000,
        "writes are taken again",
      );
      await waitFor(() => awayMs() === 0, 10_000, "the other server has noticed, too");
      forget();
      const { status, staleMs } = await home();
      expect([status, staleMs]).toEqual([200, 0]);
      // Replicas that lacked a told change, or watched a primary that went away, have come along.
      await stage.caughtUp();
    };

    const pages = () => [
      `/api/v1/accounts/${robin.id}`,
      `/api/v1/accounts/${robin.id}/statuses`,
      `/api/v1/statuses/${posts[0]}`,
      `/api/v1/statuses/${posts[0]}/context`,
      "/api/v1/timelines/public",
      "/api/v1/notifications",
      "/api/v1/accounts/verify_credentials",
      `/api/v1/accounts/relationships?id[]=${robin.id}`,
    ];

    async function expectReads(): Promise<void> {
      forget();
      const { status, ids, staleMs } = await home();
      expect([status, ids.slice(-posts.length)]).toEqual([200, posts]);
      expect(staleMs).toBeGreaterThan(0);
      await expectPages({ isLost: true });
      expect((await fetch(`${stage.url}/readyz`)).status).toBe(200);
    }

    async function expectPages({ isLost }: { isLost: boolean }): Promise<void> {
      for (const page of pages()) {
        forget();
        const { status, headers } = await ask(page);
        expect([page, status]).toEqual([page, 200]);
        if (isLost) expect(Number(headers.get("roost-staleness-ms")), page).toBeGreaterThan(0);
      }
    }

    async function expectNoWrites(): Promise<void> {
      const beganMs = performance.now();
      const { status, headers } = await reader.client.ask("POST", "/api/v1/statuses", { status: "no" });
      expect([status, headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^\d+$/)]);
      expect(performance.now() - beganMs).toBeLessThan(10_000);
    }

    test("frozen: pages come, and say how old they may be, longer than the map of shards is lent for; posts wait", async () => {
      const thaw = stage.freezePrimary();
      try {
        await isAway();
        await expectReads();
        await new Promise((resolve) => setTimeout(resolve, 4_000));
        await expectReads();
        await expectNoWrites();
      } finally {
        thaw();
      }
      await isBack();
    });

    test("killed: the same, and all heals when it's back", async () => {
      await stage.killPrimary();
      try {
        await isAway();
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        await expectReads();
        await expectNoWrites();
        const unknown = await new Client(stage.url, "not a token").ask("GET", "/api/v1/timelines/home");
        // A client that is told that its token is invalid throws it away.
        expect([unknown.status, unknown.headers.get("retry-after")]).toEqual([
          503,
          expect.stringMatching(/^\d+$/),
        ]);
      } finally {
        await stage.startPrimary();
      }
      await isBack();
      expect((await new Client(stage.url, "not a token").ask("GET", "/api/v1/timelines/home")).status).toBe(
        401,
      );
    });

    test("what a replica said is given to no other server, which may know better", async () => {
      const redis = new Redis(stage.redisUrl);
      try {
        forget();
        await expectPages({ isLost: false });
        const found = async () => (await redis.keys("*")).filter((key) => /token1:|profile1:/.test(key));
        expect((await found()).length, "what the primary said is shared").toBeGreaterThan(0);
        await stage.killPrimary();
        await isAway();
        await redis.del(...(await found()));
        forget();
        expect((await home()).status).toBe(200);
        await expectPages({ isLost: true });
        expect(await found()).toEqual([]);
      } finally {
        redis.disconnect();
        await stage.startPrimary();
      }
      await isBack();
    });

    test("a block that was answered is heeded, or nothing is shown", async () => {
      await stage.pauseReplay();
      const unblock = () => reader.client.post(`/api/v1/accounts/${lark.id}/unblock`);
      await reader.client.post(`/api/v1/accounts/${lark.id}/block`);
      const thaw = stage.freezePrimary();
      try {
        // The replica lacks what this server was told of.
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        forget();
        const refused = await home();
        expect([refused.status, refused.ids]).toEqual([503, []]);
        await stage.resumeReplay();
        await waitFor(async () => (await home()).status === 200, 10_000, "the replica has it");
        forget();
        const { ids } = await home();
        expect(ids).toContain(posts[0]);
        expect(ids).not.toContain(posts[1]);
      } finally {
        thaw();
      }
      await isBack();
      await unblock();
    });

    test("a shard that may have moved meanwhile is read nowhere", async () => {
      await stage.killPrimary();
      try {
        await isAway();
        forget();
        expect((await home()).status).toBe(200);
        // As moving does in the database that shards leave, once the map has changed.
        await shards.query(shards.shardUrls[0] ?? "", "update shard_map_version set version = version + 1");
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        forget();
        const { status, headers } = await home();
        expect([status, headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^\d+$/)]);
      } finally {
        await stage.startPrimary();
      }
      await isBack();
    });
  },
);
