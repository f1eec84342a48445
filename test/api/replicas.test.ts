/** Every page that a replica may answer: one's own writes are in it at once, and what was taken away is not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postgresPrograms } from "../../src/cluster/plain-postgres.ts";
import { hasRedis } from "../../src/cluster/redis.ts";
import { Client, type SignedUp, signUp } from "../support/client.ts";
import { PAGES, type World } from "../support/replica-pages.ts";
import { openReplicaStage, type ReplicaStage } from "../support/replica-stage.ts";
import { waitFor } from "../support/wait.ts";

const LAG_MS_MAX = 4_000;
/** Fails while a task has something to write for search. */
const IS_FILLED = `do $$ begin
  assert not exists (select 1 from accounts where words is null)
    and not exists (select 1 from status_words where words is null)
    and not exists (select 1 from statuses, search_progress where id > filled_to or id <= filled_from);
end $$`;
/** What an answer takes after what it says was measured. */
const SLACK_MS = 300;

describe.runIf(postgresPrograms() !== null && hasRedis()).each([
  ["one database", { shards: false, servers: false }],
  ["one database, written by another server", { shards: false, servers: true }],
  ["one of two shard databases", { shards: true, servers: false }],
])("with a replica of %s (needs postgresql and redis)", (_, { shards, servers }) => {
  let stage: ReplicaStage;
  let world: World;

  beforeAll(async () => {
    stage = await openReplicaStage({ lagMsMax: LAG_MS_MAX, shards, servers });
    const people = await signUp(stage.writingUrl, "wren", "robin", "lark", "sparrow", "finch");
    const [wren, robin, lark, sparrow, finch] = people as [SignedUp, ...SignedUp[]] as SignedUp[];
    if (!wren || !robin || !lark || !sparrow || !finch) throw new Error("nobody signed up");
    const thread = await robin.client.publish("something to #talk about");
    const own = await wren.client.publish("mine");
    await finch.client.publish("suggest me");
    await finch.client.patch("/api/v1/accounts/update_credentials", { discoverable: true });
    await wren.client.post(`/api/v1/statuses/${thread.id}/bookmark`);
    await wren.client.post(`/api/v1/statuses/${thread.id}/unbookmark`);
    await robin.client.follow(finch.id);
    await wren.client.patch("/api/v1/accounts/update_credentials", { locked: true });
    await sparrow.client.follow(wren.id);
    await robin.client.post(`/api/v1/statuses/${own.id}/favourite`);
    await robin.client.publish("hello @wren");
    const list = await wren.client.post<{ id: string }>("/api/v1/lists", { title: "a list" });
    const told = () => wren.client.get<{ id: string }[]>("/api/v1/notifications");
    await waitFor(async () => (await told()).length === 3, 20_000, "the writer was told of everything");
    world = { wren, robin, lark, sparrow, finch, thread, own, list, notifications: await told() };
  }, 120_000);

  afterAll(async () => stage?.[Symbol.asyncDispose]());

  /** From the server that isn't written to, if there are two. */
  async function read({ client }: { client: Client }, page: string) {
    const answer = await new Client(stage.url, client.token).ask("GET", page);
    expect(answer.status, page).toBe(200);
    const header = answer.headers.get("roost-staleness-ms");
    expect(header, page).not.toBeNull();
    return { text: JSON.stringify(answer.body), staleMs: Number(header) };
  }

  async function whilePaused(work: () => Promise<void>): Promise<void> {
    await stage.caughtUp();
    await stage.pauseReplay();
    try {
      await work();
    } finally {
      await stage.resumeReplay();
    }
    await stage.caughtUp();
  }

  /** With shards, much lies in a database without replicas. */
  const expectFromReplica = (staleMs: number) => {
    if (!shards) expect(staleMs).toBeGreaterThan(0);
    expect(staleMs).toBeLessThanOrEqual(LAG_MS_MAX + SLACK_MS);
  };

  test.each(PAGES)("$name shows one's own write at once", async ({ path, isPublic, write, shows }) => {
    const { wren, lark } = world;
    const page = path(world);
    await whilePaused(async () => {
      const before = await read(wren, page);
      expect(shows(before.text, world)).toBe(false);
      expectFromReplica(before.staleMs);
      await write(world);
      const own = await read(wren, page);
      expect(shows(own.text, world)).toBe(true);
      // What the writer owns may lie in a database without replicas; then this one has all that was written.
      if (!shards || stage.roost.database.shards.isOnMain(BigInt(wren.id))) expect(own.staleMs).toBe(0);
      // Others go on reading from the replica, which hasn't got it, no further behind than the bound.
      const others = await read(lark, isPublic ? page : "/api/v1/timelines/public");
      expect(others.staleMs).toBeLessThanOrEqual(LAG_MS_MAX + SLACK_MS);
    });
    const after = await read(wren, page);
    expect(shows(after.text, world)).toBe(true);
    expectFromReplica(after.staleMs);
  });

  test("somebody new is found by name at once, by themselves and by others", async () => {
    await whilePaused(async () => {
      const [crow] = await signUp(stage.writingUrl, "crow");
      if (!crow) throw new Error("nobody signed up");
      for (const reader of [crow, world.lark]) {
        const { text } = await read(reader, "/api/v1/accounts/lookup?acct=crow");
        expect(text).toContain(`"${crow.id}"`);
      }
      const { text } = await read(crow, "/api/v1/accounts/search?q=crow");
      expect(text).toContain(`"${crow.id}"`);
      const missing = await world.lark.client.ask("GET", "/api/v1/accounts/lookup?acct=nobody");
      expect(missing.status).toBe(404);
    });
  });

  test.skipIf(shards)(
    "what a server wrote that ended before it told anybody is told with the next attempt",
    async () => {
      const { finch, own } = world;
      const page = `/api/v1/statuses/${own.id}/reblogged_by`;
      await whilePaused(async () => {
        await stage.onPrimary(`insert into statuses (id, author_id, visibility, reblog_of_id, reblog_of_account_id, created_at)
        select next_id(1), ${finch.id}, 0, id, author_id, now() from statuses where id = ${own.id}`);
        expect((await read(finch, page)).text).not.toContain(`"${finch.id}"`);
        await finch.client.post(`/api/v1/statuses/${own.id}/reblog`);
        expect((await read(finch, page)).text).toContain(`"${finch.id}"`);
      });
    },
  );

  test("what somebody deletes is in nobody's next answer, though the replica has it", async () => {
    const { robin, lark, thread } = world;
    const more = { in_reply_to_id: thread.id };
    const { id } = await robin.client.publish("gone #gone @lark", more);
    for (const mark of ["favourite", "bookmark"]) await lark.client.post(`/api/v1/statuses/${id}/${mark}`);
    const pages = [
      `/api/v1/statuses/${thread.id}/context`,
      "/api/v2/search?q=gone&type=statuses",
      "/api/v1/timelines/tag/gone",
      "/api/v1/favourites",
      "/api/v1/bookmarks",
      "/api/v1/notifications",
      `/api/v1/accounts/${robin.id}/statuses?exclude_replies=false`,
    ];
    for (const page of pages)
      await expect
        .poll(async () => (await read(lark, page)).text, { timeout: 20_000, message: page })
        .toContain(`"${id}"`);
    await whilePaused(async () => {
      await robin.client.delete(`/api/v1/statuses/${id}`);
      for (const page of pages) {
        const { text, staleMs } = await read(lark, page);
        expect(text, page).not.toContain(`"${id}"`);
        // Where the author's own posts are read, the author's writes must be there.
        if (!page.includes("/accounts/")) expectFromReplica(staleMs);
      }
    });
  });

  test("whom one blocks is out of one's next answer", async () => {
    const { robin, sparrow } = world;
    await sparrow.client.publish("blocked #blocked @robin");
    const pages = ["/api/v1/timelines/tag/blocked", "/api/v1/notifications"];
    for (const page of pages)
      await expect
        .poll(async () => (await read(robin, page)).text, { timeout: 20_000, message: page })
        .toContain("blocked");
    await whilePaused(async () => {
      await robin.client.post(`/api/v1/accounts/${sparrow.id}/block`);
      for (const page of pages) expect((await read(robin, page)).text, page).not.toContain("blocked");
    });
  });

  const everyPage = () => [
    ...PAGES.map(({ path, primaryStatements = 0 }) => ({ page: path(world), primaryStatements })),
    { page: "/api/v1/accounts/lookup?acct=wren", primaryStatements: 0 },
    { page: "/api/v2/search?q=wren", primaryStatements: 0 },
    { page: "/api/v1/instance", primaryStatements: 0 },
    { page: "/api/v2/instance", primaryStatements: 0 },
    { page: "/nodeinfo/2.1", primaryStatements: 0 },
  ];

  test("metrics tell who answers", async () => {
    const told = await (await fetch(`${stage.url}/metrics`)).text();
    expect(told).toMatch(/^roost_replica_reads_total\{database="primary"\} [1-9]/m);
    expect(told).toMatch(/^roost_replica_reads_total\{database="127\.0\.0\.1:\d+"\} [1-9]/m);
  });

  test.skipIf(shards)("what is cached nowhere is asked of the replica, and not of the primary", async () => {
    await waitFor(
      () =>
        stage.onPrimary(IS_FILLED).then(
          () => true,
          () => false,
        ),
      20_000,
      "words are filled in",
    );
    await stage.caughtUp();
    for (const { page, primaryStatements } of everyPage()) {
      // The second time, since caches are filled by the primary.
      await read(world.wren, page);
      const { primary, replica } = await stage.statementsOf(() => read(world.wren, page));
      expect
        .soft([primary.length, replica.length > 0], `${page}: ${primary}`)
        .toEqual([primaryStatements, true]);
    }
  });

  test("a replica beyond the bound is asked nothing, and comes back by itself; so one that is away", async () => {
    const fromWhere = async () => {
      const stale: number[] = [];
      for (const { page } of everyPage()) stale.push((await read(world.wren, page)).staleMs);
      return { all: stale.every((ms) => ms > 0), none: stale.every((ms) => ms === 0) };
    };
    const isBack = async () => {
      await expect.poll(stage.takesReads, { timeout: 20_000 }).toBe(true);
      await stage.caughtUp();
      if (!shards) expect(await fromWhere()).toEqual({ all: true, none: false });
    };
    await stage.pauseReplay();
    try {
      await world.robin.client.publish("too late for the replica");
      await expect.poll(stage.takesReads, { timeout: LAG_MS_MAX + 5_000, interval: 20 }).toBe(false);
      expect(await fromWhere()).toEqual({ all: false, none: true });
      expect((await read(world.lark, "/api/v1/timelines/public")).text).toContain("too late for the replica");
    } finally {
      await stage.resumeReplay();
    }
    await isBack();
    await stage.stopReplica();
    await fromWhere();
    await expect.poll(stage.takesReads, { timeout: 10_000 }).toBe(false);
    expect(await fromWhere()).toEqual({ all: false, none: true });
    await stage.startReplica();
    await isBack();
  });
});
