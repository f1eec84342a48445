/** Statuses that are written together: each as if it were alone. */
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeDataDir, removeDataDir } from "../../test/support/start-roost.ts";
import { openRoost, type Roost } from "../composition.ts";
import { loadConfig } from "../config.ts";
import { type AccountId, LOGICAL_SHARDS, makeId, type StatusId } from "../core/ids.ts";
import { Database } from "../engines/database/pools.ts";
import { type Inserted, type NewStatus, statusInserter } from "./insert.ts";

const dataDir = makeDataDir();
let roost: Roost;
let made = 0;

beforeAll(async () => {
  const { config } = loadConfig({ DATA_DIR: dataDir }, {});
  roost = await openRoost(config, { roles: [], log: pino({ level: "silent" }) });
});
afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});

async function author(): Promise<AccountId> {
  const id = makeId(Date.UTC(2026, 0, 1) + ++made, made, 0);
  await roost.database.db
    .insertInto("accounts")
    .values({ id, username: `author${made}` })
    .execute();
  return id;
}

function status(authorId: AccountId, more: Partial<NewStatus> & { text?: string } = {}): NewStatus {
  const { text = "a post", ...rest } = more;
  const draft = {
    text,
    spoilerText: "",
    sensitive: false,
    visibility: "public" as const,
    language: "en",
    inReplyToId: null,
    mediaIds: [],
  };
  const checked = { text, spoilerText: "", isWarned: false, mentions: [], tags: [] };
  return { authorId, draft, checked, target: null, application: null, idempotencyKey: null, ...rest };
}

/** The first goes alone; the others wait for it, and so go together. */
function insertTogether(statuses: readonly NewStatus[]): Promise<PromiseSettledResult<Inserted>[]> {
  const inserter = statusInserter(roost.database);
  return Promise.allSettled(statuses.map((each) => inserter.add(each)));
}

const idsOf = (results: readonly PromiseSettledResult<Inserted>[]): (StatusId | undefined)[] =>
  results.map((result) => (result.status === "fulfilled" ? result.value?.id : undefined));

test("each gets what is its own, in order", async () => {
  const [wren, robin, finch] = [await author(), await author(), await author()];
  const mention = { id: robin, username: "robin" };
  const checked = (text: string, tags: string[] = []) => ({
    text,
    spoilerText: "",
    isWarned: false,
    mentions: [mention],
    tags,
  });
  const results = await insertTogether([
    status(finch),
    status(wren, { text: "one", checked: checked("one", ["Birds", "trees"]) }),
    status(robin, { text: "two" }),
    status(wren, { text: "three", checked: checked("three", ["birds"]) }),
  ]);
  const ids = idsOf(results);
  const { rows } = await sql<{
    id: bigint;
    author_id: bigint;
    text: string;
    tags: string[];
    mentions: bigint[];
  }>`
    select id, author_id, text,
      array(select name from status_tags where status_id = s.id order by name) as tags,
      array(select account_id from status_mentions where status_id = s.id) as mentions
    from statuses s where id = any(${ids}) order by array_position(${ids}::bigint[], id)`.execute(
    roost.database.db,
  );
  expect(rows.map((row) => [row.author_id, row.text, row.tags, row.mentions])).toEqual([
    [finch, "a post", [], []],
    [wren, "one", ["Birds", "trees"], [robin]],
    [robin, "two", [], []],
    [wren, "three", ["birds"], [robin]],
  ]);
  // Of one author; others in the same millisecond are in the order of their shards.
  expect((ids[1] ?? 0n) < (ids[3] ?? 0n)).toBe(true);
});

test("counts add up, of authors and of what was replied to", async () => {
  const [wren, robin] = [await author(), await author()];
  const [first] = idsOf(await insertTogether([status(wren)]));
  const target = { id: first as StatusId, authorId: wren };
  const replies = Array.from({ length: 30 }, (_, i) => status(i % 3 === 0 ? wren : robin, { target }));
  await Promise.all([insertTogether(replies.slice(0, 15)), insertTogether(replies.slice(15))]);
  const { rows } = await sql<{ wren: bigint; robin: bigint; replies: number }>`select
    (select statuses_count from author_counts where account_id = ${wren}) as wren,
    (select statuses_count from author_counts where account_id = ${robin}) as robin,
    (select replies_count from status_counts where status_id = ${first}) as replies`.execute(
    roost.database.db,
  );
  expect(rows[0]).toEqual({ wren: 11n, robin: 20n, replies: 30 });
});

test("a key used twice gives one status, with one event, in one batch as in two", async () => {
  const wren = await author();
  const keyed = (idempotencyKey: string) => status(wren, { idempotencyKey });
  const [once] = idsOf(await insertTogether([keyed("a")]));
  const results = idsOf(
    await insertTogether([keyed("first"), keyed("a"), keyed("b"), keyed("b"), keyed("c")]),
  );
  expect(once).toBeDefined();
  expect(results.map((id) => id !== undefined)).toEqual([true, false, true, false, true]);
  const { rows } = await sql<{ statuses: number; events: number; counted: bigint }>`select
    (select count(*)::int from statuses where author_id = ${wren}) as statuses,
    (select count(*)::int from event_log where key = ${wren}) as events,
    (select statuses_count from author_counts where account_id = ${wren}) as counted`.execute(
    roost.database.db,
  );
  expect(rows[0]).toEqual({ statuses: 4, events: 4, counted: 4n });
});

test("one that the database refuses spoils no other", async () => {
  const wren = await author();
  const results = await insertTogether([
    status(wren),
    status(wren, { text: "good" }),
    status(wren, { text: "never \0 text" }),
    status(wren, { text: "good too" }),
  ]);
  expect(results.map((result) => result.status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  const { rows } = await sql<{ texts: string[] }>`
    select array_agg(text order by id) as texts from statuses where author_id = ${wren}`.execute(
    roost.database.db,
  );
  expect(rows[0]?.texts).toEqual(["a post", "good", "good too"]);
});

test("an author whose shard has moved while the post waited for its turn: nothing is written to the old database", async () => {
  const { database } = roost;
  const [wren, robin] = [await author(), await author()];
  await using elsewhere = new Database({
    connection: {},
    poolSize: 1,
    statementTimeoutMs: 1_000,
    log: () => {},
  });
  const inserter = statusInserter(database);
  const early = inserter.add(status(wren));
  const late = inserter.add(status(robin));
  database.shards.spread(Array.from({ length: LOGICAL_SHARDS }, () => elsewhere));
  try {
    expect(await early).toBeDefined();
    // As the database says it, so that who answers the request tries again.
    await expect(late).rejects.toMatchObject({ code: "40S01" });
  } finally {
    database.shards.spread(Array.from({ length: LOGICAL_SHARDS }, () => database));
  }
  const { rows } = await sql`select 1 from statuses where author_id = ${robin}`.execute(database.db);
  expect(rows).toEqual([]);
});
