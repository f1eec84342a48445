/** Whom one blocks or mutes, and who blocks one, in every place where an account or its posts can show. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Client, type SignedUp, type Status, signUp } from "../support/client.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { type ShardDatabases, startShardDatabases } from "../support/shard-databases.ts";

/** How Erin stands to Dave, and to Fay. */
const RELATIONS = ["nothing", "a block", "being blocked", "a mute"] as const;
type Relation = (typeof RELATIONS)[number];

interface World {
  readonly erin: SignedUp;
  readonly dave: SignedUp;
  /** Erin follows Alice, who has to do with Dave. Nobody follows Fay. */
  readonly alice: SignedUp;
  readonly bob: SignedUp;
  readonly fay: SignedUp;
  /** The posts, by what they are. */
  readonly posts: Readonly<Record<string, string>>;
  readonly listId: string;
  /** Of Dave's profile. */
  readonly address: string;
}

type Looks = (world: World, client: Client) => Promise<boolean>;

const poll = { timeout: 15_000, interval: 20 };
// A cluster has the databases that it has.
const layouts = (
  [
    ["in one database", []],
    ["over three databases", ["first", "second", "third"]],
  ] as const
).filter(([, names]) => !testCluster || names.length === 0);

/** Whether a list has the post or the account of this name. */
const lists =
  (path: (world: World) => string, name: string): Looks =>
  async (world, client) =>
    idsIn(await client.get(path(world))).includes(idOf(world, name));

const answers =
  (path: (world: World) => string): Looks =>
  async (world, client) =>
    (await client.ask("GET", path(world))).status === 200;

/**
 * Each place, and with which relations it shows what it names. A post of a friend that names Dave, and boosts of such
 * posts, are gone from timelines: home, lists, public and tag timelines, searches, notifications. They stay where one
 * opens a thread or a profile.
 */
const ALL: readonly Relation[] = RELATIONS;
const NEVER: readonly Relation[] = ["nothing"];
const UNLESS_UNWANTED: readonly Relation[] = ["nothing", "being blocked"];
const UNLESS_BLOCKED_BY: readonly Relation[] = ["nothing", "a block", "a mute"];
const UNLESS_BLOCKS: readonly Relation[] = ["nothing", "a mute"];

const PLACES: readonly (readonly [string, readonly Relation[], Looks])[] = [
  ["home: Dave's post", NEVER, lists(() => "/api/v1/timelines/home", "daves")],
  ["home: a friend's boost of it", NEVER, lists(() => "/api/v1/timelines/home", "boostOfDaves")],
  ["home: a friend's post that names Dave", UNLESS_UNWANTED, lists(() => "/api/v1/timelines/home", "naming")],
  [
    "home: a friend's boost of such a post",
    UNLESS_UNWANTED,
    lists(() => "/api/v1/timelines/home", "boostOfNaming"),
  ],
  ["home: one's own post that names Dave", ALL, lists(() => "/api/v1/timelines/home", "own")],
  ["home: one's own boost of such a post", ALL, lists(() => "/api/v1/timelines/home", "ownBoost")],
  ["list: a friend's boost of Dave's post", NEVER, lists(listTimeline, "boostOfDaves")],
  ["list: a friend's post that names Dave", UNLESS_UNWANTED, lists(listTimeline, "naming")],
  ["list: a friend's boost of such a post", UNLESS_UNWANTED, lists(listTimeline, "boostOfNaming")],
  ["public timeline: Dave's post", NEVER, lists(() => "/api/v1/timelines/public", "daves")],
  [
    "public timeline: a post that names Dave",
    UNLESS_UNWANTED,
    lists(() => "/api/v1/timelines/public", "strangersNaming"),
  ],
  ["tag timeline: Dave's post", NEVER, lists(() => "/api/v1/timelines/tag/dusk", "daves")],
  [
    "tag timeline: a post that names Dave",
    UNLESS_UNWANTED,
    lists(() => "/api/v1/timelines/tag/dusk", "strangersNaming"),
  ],
  ["thread: Dave's answer", NEVER, inThread("root", "descendants", "davesAnswer")],
  ["thread: an answer to Dave's answer", ALL, inThread("root", "descendants", "answerToDave")],
  ["thread: an answer that names Dave", ALL, inThread("root", "descendants", "answerNaming")],
  ["thread: Dave's post above an answer", NEVER, inThread("answerToDaves", "ancestors", "daves")],
  ["search for posts: Dave's", NEVER, found("statuses", "fieldfare", "daves")],
  [
    "search for posts: one that names Dave",
    UNLESS_UNWANTED,
    found("statuses", "fieldfare", "strangersNaming"),
  ],
  ["search for accounts", NEVER, found("accounts", ({ dave }) => dave.username, "dave")],
  ["search for mentions", NEVER, lists(({ dave }) => `/api/v1/accounts/search?q=${dave.username}`, "dave")],
  ["search for Dave's address", ALL, found("accounts", ({ address }) => address, "dave")],
  ["lookup", ALL, answers(({ dave }) => `/api/v1/accounts/lookup?acct=${dave.username}`)],
  ["profile", ALL, answers(({ dave }) => `/api/v1/accounts/${dave.id}`)],
  [
    "profile: Dave's posts",
    UNLESS_BLOCKED_BY,
    lists(({ dave }) => `/api/v1/accounts/${dave.id}/statuses`, "daves"),
  ],
  [
    "profile: whom Dave follows",
    UNLESS_BLOCKED_BY,
    lists(({ dave }) => `/api/v1/accounts/${dave.id}/following`, "alice"),
  ],
  ["a friend's profile: a boost of Dave's post", NEVER, lists(friendsPosts, "boostOfDaves")],
  ["a friend's profile: a post that names Dave", ALL, lists(friendsPosts, "naming")],
  ["a friend's followers", NEVER, lists(({ alice }) => `/api/v1/accounts/${alice.id}/followers`, "dave")],
  ["whom a friend follows", NEVER, lists(({ alice }) => `/api/v1/accounts/${alice.id}/following`, "dave")],
  [
    "one's own followers",
    UNLESS_BLOCKS,
    lists(({ erin }) => `/api/v1/accounts/${erin.id}/followers`, "dave"),
  ],
  ["familiar followers", NEVER, familiar],
  ["who favourited", NEVER, lists(({ posts }) => `/api/v1/statuses/${posts.root}/favourited_by`, "dave")],
  ["who boosted", NEVER, lists(({ posts }) => `/api/v1/statuses/${posts.root}/reblogged_by`, "dave")],
  ["one post, by its id", UNLESS_BLOCKED_BY, answers(({ posts }) => `/api/v1/statuses/${posts.daves}`)],
  ["one's own bookmarks", UNLESS_BLOCKED_BY, lists(() => "/api/v1/bookmarks", "daves")],
  ["suggestions", NEVER, suggested],
  ["notifications: Dave's mention", NEVER, notified("daves", "dave")],
  ["notifications: Dave's favourite", NEVER, notified("own", "dave")],
  ["notifications: a friend's mention that names Dave", UNLESS_UNWANTED, notified("naming", "alice")],
];

function listTimeline({ listId }: World): string {
  return `/api/v1/timelines/list/${listId}`;
}

function friendsPosts({ alice }: World): string {
  return `/api/v1/accounts/${alice.id}/statuses`;
}

function inThread(opened: string, part: "ancestors" | "descendants", name: string): Looks {
  return async (world, client) => {
    const thread = await client.get<Record<string, unknown>>(
      `/api/v1/statuses/${world.posts[opened]}/context`,
    );
    return idsIn(thread[part]).includes(idOf(world, name));
  };
}

function found(kind: string, words: string | ((world: World) => string), name: string): Looks {
  return async (world, client) => {
    const query = new URLSearchParams({ q: typeof words === "string" ? words : words(world), type: kind });
    const result = await client.get<Record<string, unknown>>(`/api/v2/search?${query}`);
    return idsIn(result[kind]).includes(idOf(world, name));
  };
}

async function familiar(world: World, client: Client): Promise<boolean> {
  const path = `/api/v1/accounts/familiar_followers?id[]=${world.bob.id}`;
  const [result] = await client.get<{ accounts: { id: string }[] }[]>(path);
  return idsIn(result?.accounts).includes(world.dave.id);
}

async function suggested(world: World, client: Client): Promise<boolean> {
  const suggestions = await client.get<{ account: { id: string } }[]>("/api/v2/suggestions?limit=40");
  return suggestions.some(({ account }) => account.id === world.fay.id);
}

function notified(post: string, from: "dave" | "alice"): Looks {
  return async (world, client) => {
    const all =
      await client.get<{ account: { id: string }; status?: { id: string } }[]>("/api/v1/notifications");
    return all.some(
      ({ account, status }) => account.id === world[from].id && status?.id === world.posts[post],
    );
  };
}

function idsIn(list: unknown): string[] {
  return (list as { id: string }[]).map(({ id }) => id);
}

function idOf(world: World, name: string): string {
  return world.posts[name] ?? (world[name as keyof World] as SignedUp).id;
}

describe.each(layouts)("what accounts own lies %s", (_, names) => {
  let databases: ShardDatabases | null = null;
  let roost: OpenedRoost;
  let made = 0;

  beforeAll(async () => {
    databases = names.length === 0 ? null : await startShardDatabases(names);
    roost = await openTestRoost({ ...databases?.env });
  });
  afterAll(async () => {
    await roost?.[Symbol.asyncDispose]();
    await databases?.[Symbol.asyncDispose]();
  });

  const settled = () => expect.poll(() => roost.isIdle(), poll).toBe(true);

  async function makeWorld(): Promise<World> {
    const n = ++made;
    const people = await signUp(roost.url, `erin${n}`, `dave${n}`, `alice${n}`, `bob${n}`, `fay${n}`);
    const [erin, dave, alice, bob, fay] = people as [SignedUp, SignedUp, SignedUp, SignedUp, SignedUp];
    await erin.client.follow(alice.id);
    await erin.client.follow(dave.id);
    for (const followed of [erin, alice, bob]) await dave.client.follow(followed.id);
    await alice.client.follow(dave.id);
    await fay.client.patch("/api/v1/accounts/update_credentials", { discoverable: true });
    await alice.client.follow(fay.id);
    await fay.client.publish("Fay's");
    const list = await erin.client.post<{ id: string }>("/api/v1/lists", { title: "friends" });
    await erin.client.post(`/api/v1/lists/${list.id}/accounts`, { account_ids: [alice.id] });
    const publish = async ({ client }: SignedUp, text: string, in_reply_to_id?: string) =>
      (await client.publish(text, in_reply_to_id === undefined ? {} : { in_reply_to_id })).id;
    const boost = async ({ client }: SignedUp, id: string) =>
      (await client.post<Status>(`/api/v1/statuses/${id}/reblog`)).id;
    const at = (who: SignedUp) => `@${who.username}`;
    const daves = await publish(dave, `A fieldfare at #dusk, ${at(erin)}`);
    const strangersNaming = await publish(bob, `The fieldfare of ${at(dave)} at #dusk`);
    const boosted = await publish(bob, `Another of ${at(dave)}`);
    const own = await publish(erin, `I know, ${at(dave)}`);
    const root = await publish(alice, "A root");
    const davesAnswer = await publish(dave, "An answer", root);
    // Erin doesn't follow Bob, so that this shows in her home only as a boost.
    const davesAside = await publish(dave, "An aside", boosted);
    const posts = {
      daves,
      strangersNaming,
      own,
      root,
      davesAnswer,
      boostOfDaves: await boost(alice, davesAside),
      naming: await publish(alice, `${at(erin)} ask ${at(dave)}`),
      boostOfNaming: await boost(alice, boosted),
      ownBoost: await boost(erin, strangersNaming),
      answerToDave: await publish(bob, "Quite", davesAnswer),
      answerNaming: await publish(bob, `Not so, ${at(dave)}`, root),
      answerToDaves: await publish(alice, "In March?", daves),
    };
    await dave.client.post(`/api/v1/statuses/${own}/favourite`);
    await dave.client.post(`/api/v1/statuses/${root}/favourite`);
    await boost(dave, root);
    await erin.client.post(`/api/v1/statuses/${daves}/bookmark`);
    await settled();
    const { url: address } = await erin.client.get<{ url: string }>(`/api/v1/accounts/${dave.id}`);
    return { erin, dave, alice, bob, fay, posts, listId: list.id, address };
  }

  async function relate({ erin, dave, fay }: World, relation: Relation): Promise<void> {
    for (const other of [dave, fay]) {
      if (relation === "a block") await erin.client.post(`/api/v1/accounts/${other.id}/block`);
      if (relation === "a mute") await erin.client.post(`/api/v1/accounts/${other.id}/mute`);
      if (relation === "being blocked") await other.client.post(`/api/v1/accounts/${erin.id}/block`);
    }
  }

  test.each(RELATIONS)(
    "with %s between, each place shows what it should, from the next request on",
    async (relation) => {
      const world = await makeWorld();
      await relate(world, relation);
      const seen: Record<string, boolean> = {};
      for (const [place, , looks] of PLACES) seen[place] = await looks(world, world.erin.client);
      const wanted = PLACES.map(([place, relations]) => [place, relations.includes(relation)]);
      expect(seen).toEqual(Object.fromEntries(wanted));
    },
  );

  test.each(RELATIONS)("with %s between, streams send what a timeline would show", async (relation) => {
    const world = await makeWorld();
    const { erin, dave, alice, bob, listId } = world;
    await relate(world, relation);
    const list = `list?list=${listId}`;
    const paths = ["user", "public", "hashtag?tag=dusk", list] as const;
    const streams = new Map<string, Heard>();
    for (const path of paths) streams.set(path, await listen(roost.url, path, erin.client));
    const daves = await dave.client.publish("Dave's at #dusk");
    const aside = await dave.client.publish("An aside", { in_reply_to_id: world.posts.strangersNaming });
    const posts = {
      daves: daves.id,
      naming: (await alice.client.publish(`@${dave.username} at #dusk`)).id,
      strangersNaming: (await bob.client.publish(`Mind @${dave.username} at #dusk`)).id,
      boost: (await alice.client.post<Status>(`/api/v1/statuses/${aside.id}/reblog`)).id,
    };
    await settled();
    const last = (await alice.client.publish("The last, at #dusk")).id;
    const heard = new Map<string, string[]>();
    for (const [path, stream] of streams) {
      await expect
        .poll(() => stream.ids().includes(last), { ...poll, message: `the last on ${path}` })
        .toBe(true);
      const own = Object.entries(posts).flatMap(([name, id]) => (stream.ids().includes(id) ? [name] : []));
      heard.set(path, own.sort());
      stream.stop();
    }
    const shown = (...names: (keyof typeof posts)[]) =>
      names.filter((name) => SENT[name].includes(relation)).sort();
    expect(Object.fromEntries(heard)).toEqual({
      user: shown("daves", "naming", "boost"),
      public: shown("daves", "naming", "strangersNaming"),
      "hashtag?tag=dusk": shown("daves", "naming", "strangersNaming"),
      [list]: shown("naming", "boost"),
    });
  });

  test("pages are full and their links lead on, however many accounts and posts in between are hidden", async () => {
    const n = ++made;
    const usernames = Array.from({ length: 14 }, (_, i) => `crowd${n}_${i}`);
    const [erin, alice, ...crowd] = (await signUp(roost.url, `erin${n}`, `alice${n}`, ...usernames)) as [
      SignedUp,
      SignedUp,
      ...SignedUp[],
    ];
    const { id } = await alice.client.publish("Known to all");
    for (const one of crowd) {
      await one.client.follow(alice.id);
      await one.client.post(`/api/v1/statuses/${id}/favourite`);
      await one.client.post(`/api/v1/statuses/${id}/reblog`);
      const own = await one.client.publish(`Of #crowd${n}`);
      await alice.client.post(`/api/v1/statuses/${own.id}/reblog`);
    }
    await settled();
    // Eleven in a row are more than a page reads ahead.
    const hidden = crowd.slice(1, 12);
    for (const [i, one] of hidden.entries())
      await erin.client.post(`/api/v1/accounts/${one.id}/${i % 2 === 0 ? "block" : "mute"}`);
    const shown = new Set([crowd[0], crowd[12], crowd[13]].map((one) => one?.username));
    const accounts = (list: unknown) => (list as { username: string }[]).map(({ username }) => username);
    const authors = (list: unknown) =>
      (list as Status[]).map(({ account, reblog }) => (reblog ?? { account }).account.username);
    for (const [path, namesIn] of [
      [`/api/v1/accounts/${alice.id}/followers?limit=2`, accounts],
      [`/api/v1/statuses/${id}/favourited_by?limit=2`, accounts],
      [`/api/v1/statuses/${id}/reblogged_by?limit=2`, accounts],
      [`/api/v1/timelines/tag/crowd${n}?limit=2`, authors],
      [`/api/v1/accounts/${alice.id}/statuses?limit=2`, authors],
    ] as const) {
      const pages = await pagesOf(erin.client, path);
      const names = pages.flatMap((page) => namesIn(page));
      expect(new Set(names.filter((name) => name !== alice.username)), path).toEqual(shown);
      expect(names, path).toHaveLength(new Set(names).size);
      for (const page of pages.slice(0, -1)) expect(page, path).toHaveLength(2);
    }
  });
});

/** Page after page, as the Link headers say. */
async function pagesOf(client: Client, first: string): Promise<unknown[][]> {
  const pages: unknown[][] = [];
  let path: string | undefined = first;
  while (path !== undefined) {
    const answer: Answer<unknown[]> = await client.ask<unknown[]>("GET", path);
    if (answer.body.length > 0) pages.push(answer.body);
    path = answer.headers.get("link")?.match(/<https?:\/\/[^/]+([^>]+)>; rel="next"/)?.[1];
  }
  return pages;
}

const SENT = {
  daves: NEVER,
  boost: NEVER,
  naming: UNLESS_UNWANTED,
  strangersNaming: UNLESS_UNWANTED,
} satisfies Record<string, readonly Relation[]>;

interface Heard {
  ids(): string[];
  stop(): void;
}

/** A stream of server-sent events, which the server listens for by now. */
async function listen(url: string, path: string, { token }: Client): Promise<Heard> {
  const stopping = new AbortController();
  const answer = await fetch(`${url}/api/v1/streaming/${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: stopping.signal,
  });
  expect(answer.status).toBe(200);
  let text = "";
  const reading = async () => {
    for await (const chunk of answer.body ?? []) text += Buffer.from(chunk as Uint8Array).toString();
  };
  reading().catch(() => {});
  await expect.poll(() => text.length, poll).toBeGreaterThan(0);
  const ids = () =>
    [...text.matchAll(/event: update\ndata: (.+)\n\n/g)].map(
      ([, payload = "{}"]) => (JSON.parse(payload) as { id: string }).id,
    );
  return { ids, stop: () => stopping.abort() };
}
