/** What one server is told, the other knows at the next request; and a lost or unreachable Redis makes nothing wrong. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { askRedis, hasRedis } from "../../src/cluster/redis.ts";
import { makeId } from "../../src/core/ids.ts";
import { homeTimelineBySql } from "../../src/feed/oracle.ts";
import { insertAccount } from "../support/accounts.ts";
import { Client, type Status } from "../support/client.ts";
import { openTwoServers, type TwoServers } from "../support/two-servers.ts";

let two: TwoServers;
let made = 0;

/** Somebody, as a client of each server. */
interface Person {
  readonly id: bigint;
  readonly token: string;
  readonly at: readonly [Client, Client];
}

async function person(): Promise<Person> {
  const { db } = two.roosts[0].database;
  const number = made++;
  const id = makeId(Date.UTC(2025, 0, 1) + number, number, 0);
  const token = await insertAccount(db, id, `p${number}`);
  const [a, b] = two.urls;
  return { id, token, at: [new Client(a, token), new Client(b, token)] };
}

const home = async (client: Client) =>
  (await client.get<Status[]>("/api/v1/timelines/home?limit=40")).map((status) => status.id);

const post = async (client: Client, status: string) =>
  (await client.post<Status>("/api/v1/statuses", { status })).id;

const settled = () => expect.poll(() => two.isIdle(), { timeout: 20_000, interval: 5 }).toBe(true);

async function isRight(viewer: Person): Promise<void> {
  const expected = (await homeTimelineBySql(two.roosts[0].database.db, viewer.id)).map(String).slice(0, 40);
  expect(await home(viewer.at[0])).toEqual(expected);
  expect(await home(viewer.at[1])).toEqual(expected);
}

describe.skipIf(!hasRedis())("two servers on one Redis (needs redis-server)", () => {
  let ann: Person;
  let bob: Person;

  beforeAll(async () => {
    two = await openTwoServers("single");
  });
  afterAll(() => two?.[Symbol.asyncDispose]());

  beforeEach(async () => {
    [ann, bob] = [await person(), await person()];
    await ann.at[0].post(`/api/v1/accounts/${bob.id}/follow`);
    await post(bob.at[1], "first");
    await settled();
    // Both have everything cached.
    for (const client of [...ann.at, ...bob.at]) expect(await home(client)).toHaveLength(1);
  });
  afterEach(async () => {
    for (const server of [0, 1] as const) two.mend(server);
    await settled();
  });

  test("own posts, follows, blocks and deletions show at the next request, on either server", async () => {
    for (let round = 0; round < 20; round++) {
      const [writer, reader] = round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
      const id = await post(ann.at[writer], `round ${round}`);
      expect(await home(ann.at[reader])).toContain(id);
      await ann.at[writer].delete(`/api/v1/statuses/${id}`);
      expect(await home(ann.at[reader])).not.toContain(id);
      expect((await ann.at[reader].ask("GET", `/api/v1/statuses/${id}`)).status).toBe(404);
      await ann.at[writer].post(`/api/v1/accounts/${bob.id}/block`);
      expect(await home(ann.at[reader])).toHaveLength(0);
      await ann.at[writer].post(`/api/v1/accounts/${bob.id}/unblock`);
      await ann.at[writer].post(`/api/v1/accounts/${bob.id}/follow`);
      expect(await home(ann.at[reader])).toHaveLength(1);
    }
    await isRight(ann);
  });

  test("what others change shows too: a deletion, a token that ends", async () => {
    const id = await post(bob.at[0], "second");
    await settled();
    expect(await home(ann.at[1])).toContain(id);
    await bob.at[0].delete(`/api/v1/statuses/${id}`);
    expect(await home(ann.at[1])).not.toContain(id);
    const { db } = two.roosts[0].database;
    await db.deleteFrom("access_tokens").where("account_id", "=", ann.id).execute();
    await two.roosts[0].api.relations.invalidate({ tokens: [ann.id] });
    expect((await ann.at[1].ask("GET", "/api/v1/timelines/home")).status).toBe(401);
  });

  test("an author's counts are the same on both right after a post", async () => {
    const count = async (client: Client) =>
      (await client.get<{ statuses_count: number }>(`/api/v1/accounts/${bob.id}`)).statuses_count;
    for (let posts = 2; posts < 8; posts++) {
      const [writer, reader] = posts % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
      await post(bob.at[writer], `number ${posts}`);
      expect([await count(ann.at[reader]), await count(ann.at[writer])]).toEqual([posts, posts]);
    }
  });

  test("an app's own token ends on both", async () => {
    const nobody = [new Client(two.urls[0], null), new Client(two.urls[1], null)] as const;
    const app = await nobody[0].post<{ client_id: string; client_secret: string }>("/api/v1/apps", {
      client_name: "Tests",
      redirect_uris: "urn:ietf:wg:oauth:2.0:oob",
      scopes: "read",
    });
    const ask = { client_id: app.client_id, client_secret: app.client_secret };
    const grant = { ...ask, grant_type: "client_credentials", scope: "read" };
    const { access_token } = await nobody[0].post<{ access_token: string }>("/oauth/token", grant);
    const there = new Client(two.urls[1], access_token);
    expect((await there.ask("GET", "/api/v1/apps/verify_credentials")).status).toBe(200);
    await nobody[0].post("/oauth/revoke", { ...ask, token: access_token });
    expect((await there.ask("GET", "/api/v1/apps/verify_credentials")).status).toBe(401);
  });

  test("a stream on one server gets what is posted at the other, and nothing of whom its reader has blocked", async () => {
    const socket = new WebSocket(
      `${two.urls[1].replace("http", "ws")}/api/v1/streaming?stream=user`,
      ann.token,
    );
    const got: string[] = [];
    socket.on("message", (data) => got.push(String(JSON.parse(`${data}`).payload)));
    await new Promise((resolve) => socket.once("open", resolve));
    const listening = () => two.roosts[0].api.liveBus.listening([`home:${ann.id}`]);
    await expect.poll(listening).toHaveLength(1);
    await post(bob.at[0], "to the stream");
    await expect.poll(() => got.some((payload) => payload.includes("to the stream"))).toBe(true);
    await ann.at[0].post(`/api/v1/accounts/${bob.id}/block`);
    await post(bob.at[0], "to nobody");
    await ann.at[0].post("/api/v1/statuses", { status: "my own" });
    await expect.poll(() => got.some((payload) => payload.includes("my own"))).toBe(true);
    await settled();
    expect(got.some((payload) => payload.includes("to nobody"))).toBe(false);
    socket.close();
  });

  test("flushed, killed or started anew, Redis makes no page wrong", async () => {
    for (const fault of [
      () => askRedis(two.redis.portOf("redis-1"), "flushall"),
      () => two.redis.restart("redis-1"),
      () => two.redis.kill("redis-1"),
    ]) {
      await fault();
      const id = await post(bob.at[0], "third");
      const own = await post(ann.at[1], "fourth");
      expect(await home(ann.at[0])).toContain(own);
      expect(await home(bob.at[1])).toContain(id);
      await ann.at[1].delete(`/api/v1/statuses/${own}`);
      expect(await home(ann.at[0])).not.toContain(own);
    }
    await two.redis.restart("redis-1");
    await settled();
    await isRight(ann);
    await isRight(bob);
  });

  test("a server that is cut off from Redis shows nothing old, and what it's told shows at the other", async () => {
    two.cut(0);
    await ann.at[1].post(`/api/v1/accounts/${bob.id}/block`);
    expect(await home(ann.at[0])).toHaveLength(0);
    await ann.at[0].post(`/api/v1/accounts/${bob.id}/unblock`);
    await ann.at[0].post(`/api/v1/accounts/${bob.id}/follow`);
    expect(await home(ann.at[1])).toHaveLength(1);
    const own = await post(ann.at[0], "posted without Redis");
    expect(await home(ann.at[1])).toContain(own);
    two.mend(0);
    await settled();
    await isRight(ann);
  });

  test("frozen, it costs a moment and no page, and a follower's timeline has no hole afterwards", async () => {
    two.redis.freeze("redis-1");
    const startMs = performance.now();
    const id = await post(bob.at[0], "while frozen");
    expect(await home(bob.at[1])).toContain(id);
    await ann.at[0].post(`/api/v1/accounts/${bob.id}/mute`);
    expect(await home(ann.at[1])).toHaveLength(0);
    await ann.at[1].post(`/api/v1/accounts/${bob.id}/unmute`);
    expect(performance.now() - startMs).toBeLessThan(5_000);
    two.redis.thaw("redis-1");
    await settled();
    await isRight(ann);
    await isRight(bob);
  });

  test("a home read asks Redis twice, however many come at once: to catch up, and for the timeline", async () => {
    await home(ann.at[0]);
    const port = two.redis.portOf("redis-1");
    const calls = async () =>
      Number(
        (await askRedis(port, "info", "commandstats"))?.toString().match(/cmdstat_evalsha:calls=(\d+)/)?.[1],
      );
    const before = await calls();
    for (let i = 0; i < 10; i++) await home(ann.at[0]);
    expect((await calls()) - before).toBe(20);
    await Promise.all(Array.from({ length: 50 }, () => home(ann.at[0])));
    // One for each timeline; catching up is shared.
    expect((await calls()) - before).toBeLessThan(20 + 50 + 40);
  });
});
