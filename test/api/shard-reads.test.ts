/** How many databases a read asks, and how often, where what accounts own is spread over three of them. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { makeId } from "../../src/core/ids.ts";
import { insertAccount } from "../support/accounts.ts";
import { Client, type Status } from "../support/client.ts";
import { type OpenedRoost, openTestRoost } from "../support/open-roost.ts";
import { type ShardDatabases, startShardDatabases } from "../support/shard-databases.ts";

const SHARDS = ["first", "second", "third"] as const;
/** What consumers of events and the watch over the shard map ask all the time. */
const BACKGROUND = /event_|shard_map/;
/** Which statement finds what answers statuses, and which what they answer. */
const FINDS_ANSWERS = /remote_reactions/;
const FINDS_ANSWERED = /with recursive up/;
const LOADS_STATUSES = /s\.spoiler_text/;
/** A read that needs all databases waits so long for the slowest; the rest is for a slow machine. */
const GIVES_UP_MS_MAX = 5_000 + 5_000;

interface Asked {
  readonly database: string;
  readonly text: string;
}

interface Person {
  readonly id: bigint;
  readonly client: Client;
  readonly shard: string;
}

interface Thread {
  readonly ancestors: readonly Status[];
  readonly descendants: readonly Status[];
}

let databases: ShardDatabases;
let roost: OpenedRoost;
let nobody: Client;
let people: readonly Person[];
const asked: Asked[] = [];

beforeAll(async () => {
  databases = await startShardDatabases(SHARDS);
  roost = await openTestRoost(databases.env);
  nobody = new Client(roost.url, null);
  people = [await person(0), await person(1), await person(2)];
});

afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await databases?.[Symbol.asyncDispose]();
});

/** Of the first database, the second, the third, the first … */
async function person(number: number): Promise<Person> {
  const { db } = roost.database;
  const id = makeId(Date.UTC(2025, 0, 1) + number, number, 0);
  const username = `p${number}`;
  const token = await insertAccount(db, id, username);
  return { id, client: new Client(roost.url, token), shard: SHARDS[number % SHARDS.length] ?? "" };
}

const by = (number: number) => people[number % people.length] as Person;

beforeEach(() => {
  const { query } = pg.Client.prototype;
  vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const [what] = args as [string | { text: string }];
    asked.push({ database: this.database ?? "", text: typeof what === "string" ? what : what.text });
    return Reflect.apply(query, this, args) as never;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** What shards were asked for it, with nothing cached. */
async function shardsAsked(read: () => Promise<unknown>): Promise<Asked[]> {
  await expect.poll(() => roost.isIdle(), { timeout: 20_000, interval: 5 }).toBe(true);
  await roost.loseCaches();
  asked.length = 0;
  await read();
  return asked.filter(
    ({ database, text }) => (SHARDS as readonly string[]).includes(database) && !BACKGROUND.test(text),
  );
}

const namesOf = (found: readonly Asked[]) => [...new Set(found.map(({ database }) => database))].sort();
const matching = (found: readonly Asked[], form: RegExp) =>
  found.filter(({ text }) => form.test(text)).map(({ database }) => database);

test("a profile asks the shard of its account, once", async () => {
  for (const { id, shard } of people) {
    const found = await shardsAsked(() => nobody.get(`/api/v1/accounts/${id}`));
    expect(found.map(({ database }) => database)).toEqual([shard]);
  }
});

test("a status asks the shard of its author; for somebody signed in, whose marks lie on theirs, that too", async () => {
  const parent = await by(0).client.publish("root");
  const { id } = await by(1).client.publish("an answer", { in_reply_to_id: parent.id });
  const own = await shardsAsked(() => nobody.get(`/api/v1/statuses/${id}`));
  expect(namesOf(own)).toEqual(["second"]);
  expect(matching(own, LOADS_STATUSES)).toEqual(["second"]);
  const byAnother = await shardsAsked(() => by(2).client.get(`/api/v1/statuses/${id}`));
  expect(namesOf(byAnother)).toEqual(["second", "third"]);
  const byItsAuthor = await shardsAsked(() => by(1).client.get(`/api/v1/statuses/${id}`));
  expect(namesOf(byItsAuthor)).toEqual(["second"]);
});

test("a thread that goes from shard to shard asks one for each level, up or down, and loads all at once", async () => {
  const chain = [await by(0).client.publish("root")];
  const DEEP = 7;
  for (let level = 1; level < DEEP; level++)
    chain.push(await by(level).client.publish(`${level}`, { in_reply_to_id: chain.at(-1)?.id }));
  const read = async (at: number) => {
    const thread: Thread[] = [];
    const found = await shardsAsked(async () =>
      thread.push(await nobody.get<Thread>(`/api/v1/statuses/${chain[at]?.id}/context`)),
    );
    const { ancestors = [], descendants = [] } = thread[0] ?? {};
    expect([...ancestors, ...descendants].map(({ id }) => id)).toEqual(
      chain.filter((_, place) => place !== at).map(({ id }) => id),
    );
    return found;
  };
  const shardsOf = (levels: readonly number[]) => levels.map((level) => by(level).shard);
  const upTo = Array.from({ length: DEEP }, (_, level) => level);
  const down = await read(0);
  expect(matching(down, FINDS_ANSWERS)).toEqual(shardsOf(upTo));
  expect(matching(down, FINDS_ANSWERED)).toEqual(["first"]);
  // The status that is asked about first; then the others, from each database in one go.
  expect(matching(down, LOADS_STATUSES).toSorted()).toEqual(["first", ...SHARDS].toSorted());
  const up = await read(DEEP - 1);
  expect(matching(up, FINDS_ANSWERED).length).toBeLessThanOrEqual(DEEP);
  expect(matching(up, FINDS_ANSWERS)).toEqual(shardsOf([DEEP - 1]));
  expect(matching(up, LOADS_STATUSES).toSorted()).toEqual(["first", ...SHARDS].toSorted());
});

test("a wide thread asks each shard once a level, however many statuses a level has", async () => {
  const root = await by(0).client.publish("root");
  const WIDE = 12;
  for (let n = 0; n < WIDE; n++) {
    const answer = await by(n).client.publish(`answer ${n}`, { in_reply_to_id: root.id });
    await by(n + 1).client.publish(`thanks for ${n}`, { in_reply_to_id: answer.id });
  }
  const thread: Thread[] = [];
  const found = await shardsAsked(async () =>
    thread.push(await nobody.get<Thread>(`/api/v1/statuses/${root.id}/context`)),
  );
  expect(thread[0]?.descendants).toHaveLength(2 * WIDE);
  const finding = matching(found, FINDS_ANSWERS);
  expect(finding.slice(0, 1), "what answers the root").toEqual(["first"]);
  expect(finding.slice(1, 4).toSorted(), "what answers the answers").toEqual([...SHARDS]);
  expect(finding.slice(4).toSorted(), "what answers those").toEqual([...SHARDS]);
  expect(matching(found, LOADS_STATUSES).toSorted()).toEqual(["first", ...SHARDS].toSorted());
});

test("one database that doesn't answer: what spans all gives up in time and says so, what needs others goes on", async () => {
  const { id } = await by(0).client.publish("here");
  const holder = new pg.Client({ connectionString: databases.shardUrls[1] });
  await holder.connect();
  try {
    await holder.query("begin");
    await holder.query("lock table statuses in access exclusive mode");
    const startedMs = performance.now();
    const answer = await nobody.ask("GET", "/api/v1/timelines/public");
    const tookMs = performance.now() - startedMs;
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(tookMs).toBeLessThan(GIVES_UP_MS_MAX);
    await roost.loseCaches();
    expect(await nobody.get(`/api/v1/statuses/${id}`)).toMatchObject({ id });
    expect(await nobody.get(`/api/v1/accounts/${by(0).id}/statuses?limit=1`)).toMatchObject([{ id }]);
  } finally {
    await holder.end();
  }
  expect(await nobody.get<Status[]>("/api/v1/timelines/public?limit=1")).toMatchObject([{ id }]);
});
