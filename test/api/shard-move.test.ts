/** Shards go to another database while everybody writes and reads: nothing is lost, and nobody sees anything wrong. */
import { deepStrictEqual, ok } from "node:assert/strict";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sleep, systemClock } from "../../src/core/clock.ts";
import { LOGICAL_SHARDS, makeId } from "../../src/core/ids.ts";
import { createLogger } from "../../src/core/telemetry/log.ts";
import { MAP_LEASE_MS } from "../../src/engines/database/shard-map.ts";
import { moveShards } from "../../src/engines/database/shard-move.ts";
import { EVENTS_TOPIC } from "../../src/engines/event-log/outbox.ts";
import { outboxOf } from "../../src/engines/event-log/shards.ts";
import { MemoryMediaStore } from "../../src/engines/media-store/memory.ts";
import { uploadImage } from "../../src/media/upload.ts";
import { retag } from "../../src/statuses/retag.ts";
import { FOLLOW_UP_GROUP } from "../../src/workers/groups.ts";
import { insertAccount } from "../support/accounts.ts";
import { Client, type Status } from "../support/client.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { type ShardDatabases, startShardDatabases } from "../support/shard-databases.ts";

interface Counted extends Status {
  readonly favourites_count: number;
  readonly replies_count: number;
}

interface Person {
  readonly id: bigint;
  readonly client: Client;
  readonly posts: string[];
}

const PEOPLE = 6;

let databases: ShardDatabases;
let roost: OpenedRoost;

beforeAll(async () => {
  databases = await startShardDatabases(["first", "second", "third"]);
  // The map is made with the first two; the third is new.
  const [first = "", second = ""] = databases.shardUrls;
  {
    await using early = await openTestRoost({ ...databases.env, SHARD_URLS: `${first},${second}` });
    expect(early.database.shards.all).toHaveLength(2);
  }
  roost = await openTestRoost(databases.env);
});

afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await databases?.[Symbol.asyncDispose]();
});

async function person(number: number): Promise<Person> {
  const { db } = roost.database;
  const id = makeId(Date.UTC(2025, 0, 1) + number, number, 0);
  const username = `p${number}`;
  const token = await insertAccount(db, id, username);
  return { id, client: new Client(roost.url, token), posts: [] };
}

const idsOf = (statuses: readonly { id: string }[]) => statuses.map(({ id }) => id);

/** `refusing` are statements that the main database won't do. */
async function move(from: string, to: string, shards: readonly number[], refusing?: RegExp) {
  await using opened = new AsyncDisposableStack();
  const open = async (connectionString: string) => {
    const client = opened.adopt(new pg.Client({ connectionString }), (one) => one.end());
    await client.connect();
    return client;
  };
  const clients = { main: await open(databases.mainUrl), from: await open(from), to: await open(to) };
  const { query } = clients.main;
  clients.main.query = function (this: pg.Client, ...args: unknown[]) {
    if (refusing?.test(`${args[0]}`)) return Promise.reject(new Error("the main database is lost"));
    return Reflect.apply(query, this, args);
  } as typeof query;
  const { database } = roost;
  const outbox = outboxOf([...new Set([database, ...database.shards.all])], {
    log: createLogger("silent"),
    clock: systemClock,
    isAlone: false,
  });
  const logs = [() => outbox.checkpoint(EVENTS_TOPIC, FOLLOW_UP_GROUP)];
  return await moveShards({ ...clients, logs, shards, onStep: () => {} });
}

test("under load", async () => {
  const people = await Promise.all(Array.from({ length: PEOPLE }, (_, i) => person(i)));
  for (const { client } of people)
    for (const { id } of people)
      if (client !== people.find((one) => one.id === id)?.client) await client.follow(`${id}`);
  const favourites = new Map<string, Set<bigint>>();
  const replies = new Map<string, number>();
  let isOver = false;
  let writes = 0;
  let slowestMs = 0;
  /** Everyone posts, replies, favourites, takes back, and looks at once whether it shows. */
  const live = async (own: Person, place: number): Promise<void> => {
    for (let round = 0; !isOver; round++) {
      const startedAtMs = performance.now();
      const other = people[(place + 1 + (round % (PEOPLE - 1))) % PEOPLE] as Person;
      const target = other.posts.at(-1);
      const more = target !== undefined && round % 3 === 0 ? { in_reply_to_id: target } : {};
      const post = await own.client.publish(`${place}: ${round}`, more);
      own.posts.push(post.id);
      if ("in_reply_to_id" in more) replies.set(`${target}`, (replies.get(`${target}`) ?? 0) + 1);
      ok(idsOf(await own.client.home({ limit: "40" })).includes(post.id), "one's own post shows");
      if (target !== undefined) {
        const by = favourites.get(target) ?? new Set();
        favourites.set(target, by);
        const verb = round % 4 === 1 && by.has(own.id) ? "unfavourite" : "favourite";
        await own.client.post(`/api/v1/statuses/${target}/${verb}`);
        if (verb === "favourite") by.add(own.id);
        else by.delete(own.id);
        const seen = await own.client.get<{ favourited: boolean }>(`/api/v1/statuses/${target}`);
        deepStrictEqual(seen.favourited, verb === "favourite", "one's own favourite shows");
      }
      writes += 2;
      slowestMs = Math.max(slowestMs, performance.now() - startedAtMs);
    }
  };
  const lives = Promise.all(people.map(live));
  lives.catch(() => {});
  const isRight = async () => {
    const expected = people
      .flatMap(({ posts }) => posts)
      .map(BigInt)
      .sort((a, b) => (a < b ? 1 : -1))
      .map(String);
    const mine = new Set(people.map(({ id }) => `${id}`));
    for (const { client } of people) {
      const shown: string[] = [];
      for (let page = await client.home({ limit: "40" }); page.length > 0; ) {
        shown.push(...page.filter(({ account }) => mine.has(account.id)).map(({ id }) => id));
        page = await client.home({ limit: "40", max_id: page.at(-1)?.id ?? "0" });
      }
      deepStrictEqual(shown, expected, "the whole home timeline");
    }
    for (const id of expected) {
      const status = await (people[0] as Person).client.get<Counted>(`/api/v1/statuses/${id}`);
      deepStrictEqual(
        [id, status.favourites_count, status.replies_count],
        [id, favourites.get(id)?.size ?? 0, replies.get(id) ?? 0],
        `what is counted (${favourites.get(id)?.size} favourites)`,
      );
    }
    const listed = await (people[0] as Person).client.get<Status[]>("/api/v1/timelines/public?limit=40");
    const isReply = new Set(replies.keys());
    ok(idsOf(listed).every((id) => expected.includes(id)) && isReply.size > 0);
    deepStrictEqual(new Set(idsOf(listed)).size, listed.length, "nothing twice");
  };
  const [first = "", second = "", third = ""] = databases.shardUrls;
  const all = Array.from({ length: LOGICAL_SHARDS }, (_, shard) => shard);
  try {
    await sleep(500);
    // Every second person's, to an empty database; then some of the rest, to where they have neighbours.
    const one = await move(
      first,
      third,
      all.filter((shard) => shard % 2 === 0 && shard !== 4 && shard !== 8),
    );
    expect(one.rows).toBeGreaterThan(0);
    await sleep(300);
    const two = await move(second, third, [1, 3]);
    await sleep(300);
    const back = await move(third, first, [0, 3]);
    await sleep(300);
    process.stderr.write(
      `pauses ${[one, two, back].map(({ pauseMs }) => Math.round(pauseMs)).join(", ")} ms; ` +
        `${one.rows} rows, ${one.changes} changes; ${writes} writes, the slowest round ${Math.round(slowestMs)} ms\n`,
    );
  } finally {
    isOver = true;
  }
  await lives;
  await expect.poll(() => roost.isIdle(), { timeout: 20_000, interval: 5 }).toBe(true);
  await isRight();
  await roost.loseCaches();
  await isRight();
  // What is where: each one's in one database only.
  for (const [place, holder] of [first, third, third, first, first, second].entries()) {
    for (const url of databases.shardUrls) {
      const text = `select count(*) from statuses where author_id = ${people[place]?.id}`;
      const [row] = await databases.query(url, text);
      expect(Number(row?.count), `of ${place} in ${url}`).toBe(
        url === holder ? people[place]?.posts.length : 0,
      );
    }
  }
  const wordless = `select count(*) from statuses s where reblog_of_id is null
    and not exists (select 1 from status_words where status_id = s.id and words is not null)`;
  const searched = async ({ client }: Person) => {
    const found: string[] = [];
    const page = async (more: string) =>
      (await client.get<{ statuses: Status[] }>(`/api/v2/search?type=statuses&q=from:me&limit=40${more}`))
        .statuses;
    for (let more = await page(""); more.length > 0; more = await page(`&max_id=${found.at(-1)}`))
      found.push(...idsOf(more));
    return found;
  };
  for (const one of people) expect(await searched(one)).toEqual(one.posts.toReversed());
  for (const url of databases.shardUrls)
    await expect
      .poll(async () => Number((await databases.query(url, wordless))[0]?.count), { timeout: 30_000 })
      .toBe(0);
  for (const one of people) expect(await searched(one)).toEqual(one.posts.toReversed());
  const triggers = "select count(*) from pg_trigger where tgname = 'shard_row_changes'";
  for (const url of databases.shardUrls)
    expect(await databases.query(url, triggers)).toEqual([{ count: "0" }]);
}, 180_000);

/** The database that has the shard, and another one. */
async function sidesOf(shard: number): Promise<[from: string, to: string]> {
  const [held] = await databases.query(
    databases.mainUrl,
    `select database_id as id from shard_map where shard = ${shard}`,
  );
  const holds = async (url: string) =>
    (await databases.query(url, "select id from database_identity"))[0]?.id === held?.id;
  let [to = "", from = ""] = databases.shardUrls;
  for (const url of databases.shardUrls) {
    if (!(await holds(url))) continue;
    if (url === to) to = from;
    from = url;
  }
  return [from, to];
}

test("a database counts what has left it, once the map says so: a move that fails before leaves no mark", async () => {
  const [from, to] = await sidesOf(900);
  const counts = () =>
    Promise.all(
      [from, to].map(async (url) => {
        const [row] = await databases.query(url, "select version::int from shard_map_version");
        return Number(row?.version);
      }),
    );
  const [before = 0, stays = 0] = await counts();
  await expect(move(from, to, [900], /update shard_map set/)).rejects.toThrow("is lost");
  expect(await counts()).toEqual([before, stays]);
  const mapped = async () =>
    (await databases.query(databases.mainUrl, "select version from shard_map_version"))[0];
  const map = await mapped();
  await move(from, to, [900]);
  expect(await counts()).toEqual([before + 1, stays]);
  // Once with the map, and once after the count: whoever counted in between counts anew.
  expect(Number((await mapped())?.version)).toBe(Number(map?.version) + 2);
}, 60_000);

test("hashtags of posts of before are found in their new database when the old one hasn't come to them", async () => {
  const [first = "", second = ""] = databases.shardUrls;
  // One that no test before has moved.
  const post = makeId(Date.UTC(2025, 1, 1), 4, 0);
  await databases.query(
    first,
    `insert into statuses (id, author_id, visibility, text, created_at) values (${post}, ${post}, 0, '#Été', now())`,
  );
  await databases.query(first, `insert into status_tags values (${post}, 'été', 'Été')`);
  await databases.query(first, "update retagging set lap = 1, status_id = 0, ended_at = null");
  await databases.query(
    second,
    "update retagging set rules = 2, lap = 2, ended_at = now() - interval '2 days'",
  );
  await move(first, second, [4]);
  const { database } = roost;
  const context = { database, clock: systemClock, invalidate: async () => {}, onProgress: () => {} };
  await retag(context, new AbortController().signal);
  expect(await databases.query(second, `select tag from status_tags where status_id = ${post}`)).toEqual([
    { tag: "ete" },
  ]);
}, 60_000);

test("the list of files that go moves along, also of an upload that is under way", async () => {
  const [from, to] = await sidesOf(901);
  const ann = await person(901);
  const { default: sharp } = await import("sharp");
  const background = { r: 10, g: 80, b: 120 };
  const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background } })
    .png()
    .toBuffer();
  const form = new FormData();
  form.set("file", new Blob([new Uint8Array(picture)]), "a.png");
  const done = (await ann.client.ask<{ id: string; url: string }>("POST", "/api/v2/media", form)).body;
  await using store = new MemoryMediaStore();
  const { put } = store;
  let goOn = () => {};
  const moved = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  store.put = async (...file) => {
    await moved;
    return put.apply(store, file);
  };
  const upload = { bytes: picture, description: null, focus: null };
  const uploading = uploadImage({ database: roost.database, store }, ann.id, upload);
  const listed = async (url: string) =>
    Number(
      (await databases.query(url, `select count(*) from expiring_files where account_id = ${ann.id}`))[0]
        ?.count,
    );
  await expect.poll(() => listed(from), { timeout: 10_000 }).toBe(4);
  await move(from, to, [901]);
  expect([await listed(from), await listed(to)]).toEqual([0, 4]);
  goOn();
  const { id } = await uploading;
  const post = await ann.client.publish("a picture", { media_ids: [`${id}`] });
  expect(post).toMatchObject({ media_attachments: [{ id: `${id}` }] });
  const file = () => fetch(`${roost.url}${new URL(done.url).pathname}`);
  expect((await file()).status).toBe(200);
  expect((await ann.client.ask("DELETE", `/api/v1/media/${done.id}`)).status).toBe(200);
  expect([(await file()).status, await listed(to)]).toEqual([404, 2]);
}, 60_000);

test("a shard moves while the event of a reaction waits to be settled", async () => {
  const [first = "", second = ""] = databases.shardUrls;
  // The author's shard is in the second database, the reader's in the first; the author's moves there.
  const [author, reader] = [await person(7), await person(8)];
  const { id } = await author.client.publish("about to move");
  await expect.poll(() => roost.isIdle(), { timeout: 20_000, interval: 5 }).toBe(true);
  const [row] = await databases.query(
    second,
    `select to_jsonb(s)::text as status from statuses s where id = ${id}`,
  );
  await databases.query(
    first,
    `insert into statuses select * from jsonb_populate_record(null::statuses, '${row?.status}')`,
  );
  await using opened = new AsyncDisposableStack();
  const [writing, locking] = [first, second].map((connectionString) =>
    opened.adopt(new pg.Client({ connectionString }), (client) => client.end()),
  ) as [pg.Client, pg.Client];
  for (const client of [writing, locking]) {
    await client.connect();
    await client.query("begin");
  }
  // The event's transaction begins first: the log shows nothing that is younger than one that runs.
  const event = { type: "status.favourited", statusId: id, accountId: `${reader.id}`, isFar: true };
  await writing.query("insert into favourites (account_id, status_id) values ($1, $2)", [reader.id, id]);
  await writing.query("insert into event_log (topic, key, payload) values ($1, $2, $3)", [
    EVENTS_TOPIC,
    reader.id,
    event,
  ]);
  await locking.query("lock table statuses in access exclusive mode");
  await writing.query("commit");
  const waits = `select count(*)::int as waits from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
  await expect
    .poll(async () => (await databases.query(second, waits))[0]?.waits, {
      timeout: 10_000,
      interval: 20,
    })
    .toBeGreaterThan(0);
  await databases.query(
    databases.mainUrl,
    `with version as (update shard_map_version set version = version + 1)
       update shard_map set database_id = (select database_id from shard_map where shard = 8) where shard = 7`,
  );
  await sleep(MAP_LEASE_MS);
  await locking.query("commit");
  await expect.poll(() => roost.isIdle(), { timeout: 20_000, interval: 5 }).toBe(true);
  const shown = await author.client.get<Counted>(`/api/v1/statuses/${id}`);
  expect(shown.favourites_count).toBe(1);
}, 60_000);
