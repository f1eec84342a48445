/** Every page that a replica may answer: one's own writes are in it at once, and what was taken away is not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postgresPrograms } from "../../src/cluster/plain-postgres.ts";
import { Client, type SignedUp, type Status, signUp } from "../support/client.ts";
import { openReplicaStage, type ReplicaStage } from "../support/replica-stage.ts";
import { waitFor } from "../support/wait.ts";

const LAG_MS_MAX = 4_000;
/** What an answer takes after what it says was measured. */
const SLACK_MS = 300;

/** What everybody reads in these tests. */
interface World {
  /** The one who writes. */
  readonly wren: SignedUp;
  readonly robin: SignedUp;
  /** Reads, and has written nothing lately. */
  readonly lark: SignedUp;
  readonly sparrow: SignedUp;
  readonly finch: SignedUp;
  readonly thread: Status;
  readonly own: Status;
  readonly list: { id: string };
  readonly notifications: { id: string }[];
}

interface Page {
  /** As it is documented. */
  readonly name: string;
  readonly path: (world: World) => string;
  /** Whether everybody may read it, or the writer alone. */
  readonly isPublic: boolean;
  readonly write: (world: World) => Promise<unknown>;
  /** Whether the answer, as text, has the write. */
  readonly shows: (text: string, world: World) => boolean;
  /** Statements that go to the primary even when everything is cached. */
  readonly primaryStatements?: number;
}

const byId = (which: (world: World) => { id: string }) => (text: string, world: World) =>
  text.includes(`"${which(world).id}"`);
const word = (text: string) => (answer: string) => answer.includes(text);
const not =
  (shows: Page["shows"]): Page["shows"] =>
  (text, world) =>
    !shows(text, world);

const PAGES: readonly Page[] = [
  {
    name: "accounts/:id/statuses",
    path: ({ wren }) => `/api/v1/accounts/${wren.id}/statuses`,
    isPublic: true,
    write: ({ wren }) => wren.client.publish("one of the account's"),
    shows: word("one of the account"),
  },
  {
    name: "timelines/public",
    path: () => "/api/v1/timelines/public",
    isPublic: true,
    write: ({ wren }) => wren.client.publish("one for all"),
    shows: word("one for all"),
  },
  {
    name: "timelines/tag/:tag, an edit",
    path: () => "/api/v1/timelines/tag/edited",
    isPublic: true,
    write: ({ wren, own }) => wren.client.put(`/api/v1/statuses/${own.id}`, { status: "now with #edited" }),
    shows: byId(({ own }) => own),
  },
  {
    name: "statuses/:id/history",
    path: ({ own }) => `/api/v1/statuses/${own.id}/history`,
    isPublic: true,
    write: ({ wren, own }) => wren.client.put(`/api/v1/statuses/${own.id}`, { status: "history" }),
    shows: (text) => (JSON.parse(text) as unknown[]).length === 3,
  },
  {
    name: "statuses/:id/context",
    path: ({ thread }) => `/api/v1/statuses/${thread.id}/context`,
    isPublic: true,
    write: ({ wren, thread }) => wren.client.publish("an answer", { in_reply_to_id: thread.id }),
    shows: word("an answer"),
  },
  {
    name: "statuses/:id/favourited_by",
    path: ({ thread }) => `/api/v1/statuses/${thread.id}/favourited_by`,
    isPublic: true,
    write: ({ wren, thread }) => wren.client.post(`/api/v1/statuses/${thread.id}/favourite`),
    shows: byId(({ wren }) => wren),
  },
  {
    name: "favourites",
    path: () => "/api/v1/favourites",
    isPublic: false,
    write: ({ wren, thread }) => wren.client.post(`/api/v1/statuses/${thread.id}/unfavourite`),
    shows: not(byId(({ thread }) => thread)),
  },
  {
    name: "bookmarks",
    path: () => "/api/v1/bookmarks",
    isPublic: false,
    write: ({ wren, thread }) => wren.client.post(`/api/v1/statuses/${thread.id}/bookmark`),
    shows: byId(({ thread }) => thread),
  },
  {
    name: "statuses/:id/reblogged_by",
    path: ({ thread }) => `/api/v1/statuses/${thread.id}/reblogged_by`,
    isPublic: true,
    write: ({ wren, thread }) => wren.client.post(`/api/v1/statuses/${thread.id}/reblog`),
    shows: byId(({ wren }) => wren),
  },
  {
    name: "accounts/:id/followers",
    path: ({ robin }) => `/api/v1/accounts/${robin.id}/followers`,
    isPublic: true,
    write: ({ wren, robin }) => wren.client.follow(robin.id),
    shows: byId(({ wren }) => wren),
  },
  {
    name: "accounts/familiar_followers",
    path: ({ finch }) => `/api/v1/accounts/familiar_followers?id[]=${finch.id}`,
    isPublic: false,
    write: ({ wren, robin }) => wren.client.post(`/api/v1/accounts/${robin.id}/unfollow`),
    shows: not(byId(({ robin }) => robin)),
  },
  {
    name: "accounts/:id/following",
    path: ({ wren }) => `/api/v1/accounts/${wren.id}/following`,
    isPublic: true,
    write: ({ wren, robin }) => wren.client.follow(robin.id),
    shows: byId(({ robin }) => robin),
  },
  {
    name: "lists",
    path: () => "/api/v1/lists",
    isPublic: false,
    write: ({ wren }) => wren.client.post("/api/v1/lists", { title: "another list" }),
    shows: word("another list"),
  },
  {
    name: "lists/:id",
    path: ({ list }) => `/api/v1/lists/${list.id}`,
    isPublic: false,
    write: ({ wren, list }) => wren.client.put(`/api/v1/lists/${list.id}`, { title: "renamed" }),
    shows: word("renamed"),
  },
  {
    name: "lists/:id/accounts",
    path: ({ list }) => `/api/v1/lists/${list.id}/accounts`,
    isPublic: false,
    write: ({ wren, list, robin }) =>
      wren.client.post(`/api/v1/lists/${list.id}/accounts`, { account_ids: [robin.id] }),
    shows: byId(({ robin }) => robin),
  },
  {
    name: "accounts/:id/lists",
    path: ({ robin }) => `/api/v1/accounts/${robin.id}/lists`,
    isPublic: false,
    write: ({ wren, list, robin }) =>
      wren.client.delete(`/api/v1/lists/${list.id}/accounts`, { account_ids: [robin.id] }),
    shows: not(byId(({ list }) => list)),
  },
  {
    name: "accounts/relationships",
    path: ({ robin }) => `/api/v1/accounts/relationships?id[]=${robin.id}`,
    isPublic: false,
    write: ({ wren, robin }) =>
      wren.client.post(`/api/v1/accounts/${robin.id}/note`, { comment: "a note of mine" }),
    shows: word("a note of mine"),
  },
  {
    name: "follow_requests",
    path: () => "/api/v1/follow_requests",
    isPublic: false,
    write: ({ wren, sparrow }) => wren.client.post(`/api/v1/follow_requests/${sparrow.id}/reject`),
    shows: not(byId(({ sparrow }) => sparrow)),
  },
  {
    name: "accounts/search",
    path: () => "/api/v1/accounts/search?q=zaunk",
    isPublic: false,
    write: ({ wren }) =>
      wren.client.patch("/api/v1/accounts/update_credentials", { display_name: "Zaunkönig" }),
    shows: byId(({ wren }) => wren),
  },
  {
    name: "search, posts",
    path: () => "/api/v2/search?q=unheard&type=statuses",
    isPublic: false,
    write: ({ wren, own }) => wren.client.put(`/api/v1/statuses/${own.id}`, { status: "unheard of" }),
    shows: byId(({ own }) => own),
  },
  {
    name: "search, hashtags",
    path: () => "/api/v2/search?q=findme&type=hashtags",
    isPublic: false,
    write: ({ wren }) => wren.client.publish("a #findmehere"),
    shows: word("findmehere"),
  },
  {
    name: "notifications",
    path: () => "/api/v1/notifications",
    isPublic: false,
    write: ({ wren, notifications }) =>
      wren.client.post(`/api/v1/notifications/${notifications[0]?.id}/dismiss`),
    shows: (text, { notifications }) => !text.includes(`"${notifications[0]?.id}"`),
  },
  {
    name: "notifications/unread_count",
    path: () => "/api/v1/notifications/unread_count",
    isPublic: false,
    write: ({ wren }) => wren.client.post("/api/v1/notifications/clear"),
    shows: word('"count":0'),
    primaryStatements: 1,
  },
  {
    name: "mutes",
    path: () => "/api/v1/mutes",
    isPublic: false,
    write: ({ wren, sparrow }) => wren.client.post(`/api/v1/accounts/${sparrow.id}/mute`),
    shows: byId(({ sparrow }) => sparrow),
  },
  {
    name: "suggestions",
    path: () => "/api/v2/suggestions",
    isPublic: false,
    write: ({ wren, finch }) => wren.client.post(`/api/v1/accounts/${finch.id}/block`),
    shows: not(byId(({ finch }) => finch)),
  },
  {
    name: "blocks",
    path: () => "/api/v1/blocks",
    isPublic: false,
    write: ({ wren, finch }) => wren.client.post(`/api/v1/accounts/${finch.id}/unblock`),
    shows: not(byId(({ finch }) => finch)),
  },
];

describe.runIf(postgresPrograms() !== null).each([
  ["one database", false],
  ["two shard databases, of which one has the replica", true],
])("with a replica of %s (needs postgresql)", (_, shards) => {
  let stage: ReplicaStage;
  let world: World;

  beforeAll(async () => {
    stage = await openReplicaStage({ lagMsMax: LAG_MS_MAX, shards });
    const people = await signUp(stage.url, "wren", "robin", "lark", "sparrow", "finch");
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

  async function read(reader: SignedUp | Client, page: string) {
    const client = reader instanceof Client ? reader : reader.client;
    const answer = await client.ask("GET", page);
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
      expect(own.staleMs).toBe(0);
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
      const [crow] = await signUp(stage.url, "crow");
      for (const { client } of [crow, world.lark] as SignedUp[]) {
        const { text } = await read(client, "/api/v1/accounts/lookup?acct=crow");
        expect(text).toContain(`"${crow?.id}"`);
      }
      const { text } = await read(crow?.client as Client, "/api/v1/accounts/search?q=crow");
      expect(text).toContain(`"${crow?.id}"`);
      const missing = await world.lark.client.ask("GET", "/api/v1/accounts/lookup?acct=nobody");
      expect(missing.status).toBe(404);
    });
  });

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

  test.skipIf(shards)("what is cached nowhere is asked of the replica, and not of the primary", async () => {
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
