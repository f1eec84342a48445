/** What several accounts do with each other, when what each owns lies in another database. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openAdmin } from "../../src/cli/admin.ts";
import { databaseChecks } from "../../src/cli/doctor/database.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import { openRoost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { makeId } from "../../src/core/ids.ts";
import { insertAccount } from "../support/accounts.ts";
import { Client, type Status } from "../support/client.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { type ShardDatabases, startShardDatabases } from "../support/shard-databases.ts";
import { makeDataDir, removeDataDir } from "../support/start-roost.ts";

interface Counted extends Status {
  readonly favourites_count: number;
  readonly reblogs_count: number;
  readonly replies_count: number;
  readonly favourited: boolean;
}

interface Person {
  readonly id: bigint;
  readonly client: Client;
  /** Where what it owns lies. */
  readonly url: string;
}

let databases: ShardDatabases;
let roost: OpenedRoost;
let made = 0;

beforeAll(async () => {
  databases = await startShardDatabases(["first", "second"]);
  roost = await openTestRoost(databases.env);
});

afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await databases?.[Symbol.asyncDispose]();
});

/** On the first database, the second, the first … */
async function person(): Promise<Person> {
  const { db } = roost.database;
  const number = made++;
  const id = makeId(Date.UTC(2025, 0, 1) + number, number % 1024, 0);
  const username = `p${number}`;
  const token = await insertAccount(db, id, username);
  return { id, client: new Client(roost.url, token), url: databases.shardUrls[number % 2] ?? "" };
}

const idsOf = (statuses: readonly { id: string }[]) => statuses.map(({ id }) => id);
const settled = () => expect.poll(() => roost.isIdle(), { timeout: 20_000, interval: 5 }).toBe(true);
const counted = ({ client }: Person, id: string) => client.get<Counted>(`/api/v1/statuses/${id}`);
const rowsIn = async (url: string, text: string) => Number((await databases.query(url, text))[0]?.count);

test("what an account owns lies in its database, and nowhere else", async () => {
  const [ann, ben] = [await person(), await person()];
  const posts = [await ann.client.publish("from #ann"), await ben.client.publish("from ben")];
  await ben.client.post(`/api/v1/statuses/${posts[0]?.id}/favourite`);
  await ben.client.post(`/api/v1/statuses/${posts[0]?.id}/bookmark`);
  await settled();
  for (const [url, { id }] of [[ann.url, ann] as const, [ben.url, ben] as const]) {
    expect(await rowsIn(url, `select count(*) from statuses where author_id = ${id}`)).toBe(1);
    const others = [databases.mainUrl, ...databases.shardUrls].filter((other) => other !== url);
    for (const other of others)
      expect(await rowsIn(other, `select count(*) from statuses where author_id = ${id}`)).toBe(0);
  }
  const marks = (table: string) => `select count(*) from ${table} where account_id = ${ben.id}`;
  for (const table of ["favourites", "bookmarks"]) {
    expect(await rowsIn(ben.url, marks(table))).toBe(1);
    expect(await rowsIn(ann.url, marks(table))).toBe(0);
  }
  const told = `select count(*) from notifications where account_id = ${ann.id}`;
  expect(await rowsIn(ann.url, told)).toBe(1);
  expect(await rowsIn(databases.mainUrl, told)).toBe(0);
  expect(idsOf(await ben.client.get<Status[]>("/api/v1/bookmarks"))).toEqual([posts[0]?.id]);
  expect(await ann.client.get(`/api/v1/accounts/${ben.id}`)).toMatchObject({ statuses_count: 1 });
});

test("a favourite counts at once, once, and no more when it's taken back", async () => {
  const [ann, ben, cat] = [await person(), await person(), await person()];
  const { id } = await ann.client.publish("count me");
  for (const { client } of [ben, ben, cat]) {
    const answer = await client.post<Counted>(`/api/v1/statuses/${id}/favourite`);
    expect(answer).toMatchObject({ favourited: true, favourites_count: client === ben.client ? 1 : 2 });
  }
  await settled();
  expect(await counted(ann, id)).toMatchObject({ favourites_count: 2 });
  const by = () => ann.client.get<{ id: string }[]>(`/api/v1/statuses/${id}/favourited_by`);
  expect(idsOf(await by())).toEqual([`${cat.id}`, `${ben.id}`]);
  expect(idsOf(await ann.client.get(`/api/v1/statuses/${id}/favourited_by?limit=1`))).toEqual([`${cat.id}`]);
  for (const { client } of [ben, ben]) await client.post(`/api/v1/statuses/${id}/unfavourite`);
  expect(await counted(ben, id)).toMatchObject({ favourites_count: 1, favourited: false });
  await settled();
  expect(await counted(ann, id)).toMatchObject({ favourites_count: 1 });
  expect(idsOf(await by())).toEqual([`${cat.id}`]);
});

test("a favourite whose request was killed before it was counted is counted by its event, though it comes twice", async () => {
  const [ann, ben] = [await person(), await person()];
  const { id } = await ann.client.publish("killed");
  const event = `{"type":"status.favourited","statusId":"${id}","accountId":"${ben.id}"}`;
  const told = `insert into event_log (topic, key, payload) values ('events', ${ben.id}, '${event}')`;
  await databases.query(
    ben.url,
    `insert into favourites (account_id, status_id) values (${ben.id}, ${id}); ${told}`,
  );
  await expect.poll(async () => (await counted(ann, id)).favourites_count, { timeout: 10_000 }).toBe(1);
  await databases.query(ben.url, told);
  await databases.query(ben.url, told);
  await settled();
  expect(await counted(ann, id)).toMatchObject({ favourites_count: 1 });
});

test("boosts and replies count at once, are found from the status, and go with it", async () => {
  const [ann, ben, cat] = [await person(), await person(), await person()];
  await ann.client.follow(`${ben.id}`);
  const { id } = await ann.client.publish("root");
  const reply = await ben.client.publish("first answer", { in_reply_to_id: id });
  const boost = await ben.client.post<Status>(`/api/v1/statuses/${id}/reblog`);
  const near = await cat.client.publish("second answer", { in_reply_to_id: reply.id });
  const deep = await ann.client.publish("thanks", { in_reply_to_id: near.id });
  expect(await counted(ben, id)).toMatchObject({ replies_count: 1, reblogs_count: 1 });
  expect(idsOf(await ann.client.get(`/api/v1/statuses/${id}/reblogged_by`))).toEqual([`${ben.id}`]);
  type Thread = { ancestors: Status[]; descendants: Status[] };
  const thread = await cat.client.get<Thread>(`/api/v1/statuses/${id}/context`);
  expect(idsOf(thread.descendants)).toEqual([reply.id, near.id, deep.id]);
  const up = await cat.client.get<Thread>(`/api/v1/statuses/${deep.id}/context`);
  expect(idsOf(up.ancestors)).toEqual([id, reply.id, near.id]);
  await settled();
  await ann.client.delete(`/api/v1/statuses/${id}`);
  expect((await ben.client.ask("GET", `/api/v1/statuses/${boost.id}`)).status).toBe(404);
  expect(await counted(ben, reply.id)).toMatchObject({ in_reply_to_id: null });
  await settled();
  expect(await ben.client.get(`/api/v1/accounts/${ben.id}`)).toMatchObject({ statuses_count: 1 });
  const left = `select (select count(*) from remote_reactions where status_id = ${id})
    + (select count(*) from notifications where status_id = ${id})
    + (select count(*) from statuses where reblog_of_id = ${id} or in_reply_to_id = ${id}) as count`;
  for (const url of databases.shardUrls) expect(await rowsIn(url, left)).toBe(0);
});

test("an answer that is deleted counts no more, nor a boost that is taken back", async () => {
  const [ann, ben] = [await person(), await person()];
  const { id } = await ann.client.publish("root");
  const reply = await ben.client.publish("answer", { in_reply_to_id: id });
  await ben.client.post(`/api/v1/statuses/${id}/reblog`);
  await ben.client.delete(`/api/v1/statuses/${reply.id}`);
  await ben.client.post(`/api/v1/statuses/${id}/unreblog`);
  expect(await counted(ben, id)).toMatchObject({ replies_count: 0, reblogs_count: 0 });
  await settled();
  expect(await counted(ann, id)).toMatchObject({ replies_count: 0, reblogs_count: 0 });
});

test("a boost that commits while its original is deleted goes, too", async () => {
  const [ann, ben] = [await person(), await person()];
  const { id } = await ann.client.publish("short-lived");
  await ann.client.delete(`/api/v1/statuses/${id}`);
  await settled();
  const boostId = makeId(Date.now(), Number((ben.id >> 12n) & 1023n), 4095);
  const event = `{"type":"status.published","statusId":"${boostId}","authorId":"${ben.id}"}`;
  await databases.query(
    ben.url,
    `insert into statuses (id, author_id, visibility, reblog_of_id, reblog_of_account_id, created_at)
       values (${boostId}, ${ben.id}, 0, ${id}, ${ann.id}, now());
     insert into event_log (topic, key, payload) values ('events', ${ben.id}, '${event}')`,
  );
  const boosts = `select count(*) from statuses where id = ${boostId}`;
  await expect.poll(() => rowsIn(ben.url, boosts), { timeout: 10_000 }).toBe(0);
});

test("public and tag timelines and search have the posts of all, newest first, page by page", async () => {
  const people = [await person(), await person(), await person(), await person()];
  const posts: string[] = [];
  for (let i = 0; i < 12; i++) {
    const { client } = people[i % 4] as Person;
    posts.unshift((await client.publish(`number ${i} of the #scattered`)).id);
  }
  const { client } = people[0] as Person;
  for (const path of ["/api/v1/timelines/public?", "/api/v1/timelines/tag/scattered?"]) {
    const first = idsOf(await client.get<Status[]>(`${path}limit=5`));
    expect(first).toEqual(posts.slice(0, 5));
    expect(idsOf(await client.get<Status[]>(`${path}limit=5&max_id=${first.at(-1)}`))).toEqual(
      posts.slice(5, 10),
    );
    expect(idsOf(await client.get<Status[]>(`${path}limit=3&min_id=${posts[6]}`))).toEqual(posts.slice(3, 6));
  }
  const found = await client.get<{ statuses: Status[]; hashtags: { name: string }[] }>(
    "/api/v2/search?q=scattered&limit=20",
  );
  expect(idsOf(found.statuses)).toEqual(posts);
  expect(found.hashtags.map(({ name }) => name)).toContain("scattered");
});

test("notifications reach whom they concern, hide who is blocked, and a taken request takes its own along", async () => {
  const [ann, ben, cat] = [await person(), await person(), await person()];
  await ann.client.patch("/api/v1/accounts/update_credentials", { locked: true });
  // Events of two databases have no order among them.
  await ben.client.follow(`${ann.id}`);
  await settled();
  await cat.client.publish("hello @p0 and others");
  const { id } = await ann.client.publish("look");
  await ben.client.post(`/api/v1/statuses/${id}/favourite`);
  await settled();
  await cat.client.post(`/api/v1/statuses/${id}/favourite`);
  await settled();
  type Told = { type: string; account: { id: string } }[];
  const told = async (query = "") =>
    (await ann.client.get<Told>(`/api/v1/notifications${query}`)).map(
      ({ type, account }) => `${type} by ${account.id}`,
    );
  expect(await told()).toEqual([
    `favourite by ${cat.id}`,
    `favourite by ${ben.id}`,
    `follow_request by ${ben.id}`,
  ]);
  expect(await told("?limit=1")).toEqual([`favourite by ${cat.id}`]);
  await ann.client.post(`/api/v1/follow_requests/${ben.id}/authorize`);
  expect(await told("?types[]=follow_request")).toEqual([]);
  await ann.client.post(`/api/v1/accounts/${cat.id}/mute`);
  await settled();
  expect(await told("?limit=1")).toEqual([`follow by ${ben.id}`]);
  expect(await told()).toEqual([`follow by ${ben.id}`, `favourite by ${ben.id}`]);
  expect(await ann.client.get("/api/v1/notifications/unread_count")).toEqual({ count: 2 });
});

test("what was told of something undone goes by its event, when the request was killed before it came to that", async () => {
  const [ann, ben] = [await person(), await person()];
  const { id } = await ann.client.publish("told of");
  const told = () => rowsIn(ann.url, `select count(*) from notifications where account_id = ${ann.id}`);
  const boost = await ben.client.post<Status>(`/api/v1/statuses/${id}/reblog`);
  await ben.client.post(`/api/v1/statuses/${id}/favourite`);
  await ben.client.follow(`${ann.id}`);
  await settled();
  expect(await told()).toBe(3);
  const undo = (url: string, statement: string, event: Record<string, string>) => {
    const log = `insert into event_log (topic, key, payload) values ('events', ${ben.id}, '${JSON.stringify(event)}')`;
    return databases.query(url, `${statement}; ${log}`);
  };
  await undo(ben.url, `delete from favourites where account_id = ${ben.id}`, {
    type: "status.unfavourited",
    statusId: id,
    accountId: `${ben.id}`,
  });
  await expect.poll(told, { timeout: 20_000 }).toBe(2);
  await undo(ben.url, `delete from statuses where id = ${boost.id}`, {
    type: "status.deleted",
    statusId: boost.id,
    authorId: `${ben.id}`,
    reblogOfId: id,
  });
  await expect.poll(told, { timeout: 20_000 }).toBe(1);
  await undo(databases.mainUrl, `delete from follows where follower_id = ${ben.id}`, {
    type: "account.unfollowed",
    accountId: `${ben.id}`,
    targetId: `${ann.id}`,
  });
  await expect.poll(told, { timeout: 20_000 }).toBe(0);
});

describe("a start with another set of databases", () => {
  const open = async (shardUrls: readonly string[], mainUrl = databases.mainUrl) => {
    const dataDir = makeDataDir();
    try {
      const { config } = loadConfig({
        DATA_DIR: dataDir,
        LOG_LEVEL: "silent",
        DATABASE_URL: mainUrl,
        SHARD_URLS: shardUrls.join(","),
      });
      await using opened = await openRoost(config, { roles: [] });
      return opened.database.shards.all.length;
    } finally {
      await removeDataDir(dataDir);
    }
  };
  const [first = "", second = ""] = ["", ""];

  test("is refused when one is missing, twice there, or another one", async () => {
    const [one = first, two = second] = databases.shardUrls;
    await expect(open([one])).rejects.toThrow(
      /holds 512 of 1024 shards, last seen at .*\/second, isn't there/,
    );
    await expect(open([one, one, two])).rejects.toThrow("names one database twice");
    await databases.query(databases.mainUrl, "create database third");
    const three = one.replace("/first", "/third");
    expect(await open([two, three, one]), "more than there were, in another order").toBe(2);
    await databases.query(databases.mainUrl, "create database replaced");
    const four = one.replace("/first", "/replaced");
    await expect(open([four, two])).rejects.toThrow(/last seen at .*\/first, isn't there/);
  });

  test("is refused when the map has lost some shards or all of them; it stays as it is", async () => {
    const count = async () => {
      const [row] = await databases.query(databases.mainUrl, "select count(*)::int as count from shard_map");
      return row?.count;
    };
    await databases.query(databases.mainUrl, "create table kept as select * from shard_map");
    for (const [where, left] of [
      ["where shard = 77", 1_023],
      ["", 0],
    ] as const) {
      await databases.query(databases.mainUrl, `delete from shard_map ${where}`);
      const says = new RegExp(`map has ${left} of 1024 shards.*: restore the table shard_map`);
      await expect(open(databases.shardUrls)).rejects.toThrow(says);
      await expect(open([]), "also without SHARD_URLS").rejects.toThrow(says);
      expect(await count(), "nobody has made another").toBe(left);
    }
    await databases.query(databases.mainUrl, "insert into shard_map select * from kept");
    await databases.query(databases.mainUrl, "drop table kept");
    expect(await open(databases.shardUrls)).toBe(2);
  });

  test("is refused when a shard is named as the main database, with shards of its own or without", async () => {
    const [one = first, two = second] = databases.shardUrls;
    const says = "The database of DATABASE_URL holds shards of another Roost";
    await expect(open([], one)).rejects.toThrow(says);
    await expect(open([two], one)).rejects.toThrow(says);
    await expect(open([one], one)).rejects.toThrow(says);
    expect(await rowsIn(one, "select count(*) from shard_map"), "it has made no map").toBe(0);
    // Commands would change what nobody reads; doctor says what is wrong.
    const loaded = loadConfig({ DATABASE_URL: one });
    const terminal = new Terminal({ ...process, color: "never", quiet: true, verbose: false });
    await expect(openAdmin(loaded.config, { terminal })).rejects.toThrow(says);
    const found = await databaseChecks.find(({ name }) => name === "Database")?.run(loaded, terminal);
    expect(found).toMatchObject({ status: "failed", says: expect.stringContaining(says) });
  });

  const made = async (...names: string[]) => {
    for (const name of names) await databases.query(databases.mainUrl, `create database ${name}`);
    return names.map((name) => databases.shardUrls[0]?.replace("/first", `/${name}`) ?? "");
  };

  test("is refused when a database is another Roost's shard, or its main one; neither changes", async () => {
    const [one = first] = databases.shardUrls;
    const [main = "", rival = "", shard = ""] = await made("other_main", "rival_main", "other_shard");
    await expect(open([one], main)).rejects.toThrow("/first belongs to another Roost");
    const asked = [main, rival].map((url) => open([shard], url));
    expect((await Promise.allSettled(asked)).map(({ status }) => status).sort()).toEqual([
      "fulfilled",
      "rejected",
    ]);
    const [theirs = ""] = await databases
      .query(main, "select count(*)::int as count from shard_map")
      .then((rows) => (rows[0]?.count === 0 ? [rival, main] : [main, rival]));
    await expect(open([...databases.shardUrls, shard])).rejects.toThrow(
      "/other_shard belongs to another Roost",
    );
    await expect(open([...databases.shardUrls, theirs])).rejects.toThrow("_main belongs to another Roost");
    expect(await open([shard], theirs)).toBe(1);
    expect(await open(databases.shardUrls)).toBe(2);
  });

  test("works where the main database holds shards, too, and where several start at once", async () => {
    const [main = "", far = ""] = await made("near", "far");
    const starts = () => Promise.all([1, 2, 3].map(() => open([main, far], main)));
    expect(await starts()).toEqual([2, 2, 2]);
    // As one that was there before databases knew whose they are, and in which somebody has made an account by mistake.
    await databases.query(far, "update database_identity set main_id = null");
    await databases.query(far, "insert into accounts (id, username) values (1, 'stray')");
    expect(await starts()).toEqual([2, 2, 2]);
    await expect(open([], far)).rejects.toThrow("holds shards of another Roost");
  });
});
