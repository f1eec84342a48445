/** How the words of accounts and posts come to be filled in, whatever happens meanwhile. */
import { type RawBuilder, sql } from "kysely";
import pino from "pino";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { MAX_ID, makeId } from "../../src/core/ids.ts";
import { fillAccountWords, statusFilling } from "../../src/discovery/fill-words.ts";
import { searchAccounts } from "../../src/discovery/search-accounts.ts";
import { searchStatuses, statusSearchOf } from "../../src/discovery/search-statuses.ts";
import { parseStatusQuery } from "../../src/discovery/status-query.ts";
import { makeDataDir, removeDataDir } from "../support/start-roost.ts";
import { waitFor } from "../support/wait.ts";

const NEVER = new AbortController().signal;
const RANGE = { from: 0n, below: MAX_ID };
const AUTHOR = makeId(Date.UTC(2025, 0, 1), 1, 1);

let dataDir: string;
let roost: Roost;
let nowMs = 0;
let filling: ReturnType<typeof statusFilling>;
let told: { msg: string; posts?: number }[];

beforeAll(async () => {
  dataDir = makeDataDir();
  const { config } = loadConfig({ DATA_DIR: dataDir, LOG_LEVEL: "error" }, {});
  roost = await openRoost(config, { roles: [] });
});

afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});

beforeEach(async () => {
  for (const table of ["statuses", "status_words", "search_progress", "accounts"])
    await run(sql`delete from ${sql.table(table)}`);
  told = [];
  filling = aFilling();
});

function aFilling() {
  const log = pino({}, { write: (line: string) => void told.push(JSON.parse(line)) });
  return statusFilling(roost.database, log, () => nowMs, 0);
}

async function run<Row>(statement: RawBuilder<Row>): Promise<Row[]> {
  return (await statement.execute(roost.database.db)).rows;
}

let made = 0;
const idAt = (atMs: number) => makeId(atMs, 1, made++);

async function post(text: string, id = idAt(Date.now()), visibility = 0): Promise<bigint> {
  await run(sql`insert into statuses (id, author_id, visibility, text, created_at)
    values (${id}, ${AUTHOR}, ${visibility}, ${text}, now())`);
  return id;
}

/** By the index alone, or as searching does. */
async function indexed(word: string): Promise<bigint[]> {
  const rows = await run(
    sql<{
      id: bigint;
    }>`select status_id as id from status_words where words @@ ${word}::tsquery order by 1 desc`,
  );
  return rows.map(({ id }) => id);
}

async function search(text: string): Promise<bigint[]> {
  const source = { database: roost.database, reading: roost.api.recentWrites.reading([null]) };
  const asked = parseStatusQuery(text);
  const found =
    asked && (await statusSearchOf(source, asked, { viewerId: 1n, authorId: null, ownHost: "here.example" }));
  return found ? searchStatuses(source, found, { edge: "newest", limit: 100, range: RANGE }) : [];
}

test("posts of before are filled in, newest first, and those that come meanwhile", async () => {
  const old = [await post("old", idAt(Date.UTC(2020, 0, 1))), await post("old")].reverse();
  expect(await search("old")).toEqual(old);
  await filling.run(NEVER);
  expect(await indexed("old")).toEqual(old);
  expect(told.map(({ msg, posts }) => [msg, posts])).toEqual([
    ["all posts can be searched by their words", 2],
  ]);
  const newer = await post("new");
  expect(await search("new")).toEqual([newer]);
  await filling.run(NEVER);
  expect(await indexed("new")).toEqual([newer]);
  expect(await run(sql`select filled_from, filled_to from search_progress`)).toEqual([
    { filled_from: 0n, filled_to: newer },
  ]);
  expect(told).toHaveLength(1);
});

test("several processes that fill in at once do it once", async () => {
  await run(sql`insert into statuses (id, author_id, visibility, text, created_at)
    select ${idAt(Date.now())}::bigint - n, ${AUTHOR}, 0, 'many', now() from generate_series(1, 3000) n`);
  await Promise.all([filling.run(NEVER), aFilling().run(NEVER), aFilling().run(NEVER)]);
  // Who found another at it may have ended before.
  await filling.run(NEVER);
  expect(await indexed("many")).toHaveLength(3_000);
});

test("a post that is committed after others with higher ids is found, and filled in", async () => {
  await filling.run(NEVER);
  const early = idAt(Date.now());
  const late = idAt(Date.now() + 1_000);
  const client = await roost.database.dedicated();
  try {
    await client.query("begin");
    await client.query(
      "insert into statuses (id, author_id, visibility, text, created_at) values ($1, $2, 0, 'slow', now())",
      [early, AUTHOR],
    );
    await post("fast", late);
    await filling.run(NEVER);
    expect(await run(sql`select filled_to from search_progress`)).toEqual([{ filled_to: late }]);
    await client.query("commit");
  } finally {
    await client.end();
  }
  expect(await search("slow")).toEqual([early]);
  nowMs += 20_000;
  await filling.run(NEVER);
  expect(await indexed("slow")).toEqual([early]);
});

test.each(["before", "after"])(
  "an edit that commits %s the words of the old text were filled in",
  async (when) => {
    const id = await post("original");
    const client = await roost.database.dedicated();
    try {
      await client.query("begin");
      const edit = () =>
        client.query("update statuses set text = 'changed', edited_at = now() where id = $1", [id]);
      if (when === "before") {
        await edit();
        const filled = filling.run(NEVER);
        // It has read the old text, and waits for the edit.
        await waitFor(isWaiting, 10_000, "filling waits");
        await client.query("commit");
        await filled;
      } else {
        await filling.run(NEVER);
        await edit();
        await client.query("commit");
      }
    } finally {
      await client.end();
    }
    expect(await search("changed")).toEqual([id]);
    expect(await search("original")).toEqual([]);
    await filling.run(NEVER);
    expect(await indexed("changed")).toEqual([id]);
    expect(await indexed("original")).toEqual([]);
  },
);

const isWaiting = async () =>
  (await run(sql`select 1 from pg_stat_activity where wait_event_type = 'Lock'`)).length > 0;

test("an account whose name another version changes is found by the new name alone", async () => {
  const id = AUTHOR;
  await run(sql`insert into accounts (id, username, display_name) values (${id}, 'wren', 'Old Name')`);
  const find = async (query: string) => {
    const source = { database: roost.database, reading: roost.api.recentWrites.reading([null]) };
    const options = {
      viewerId: null,
      isFollowing: false,
      ownHost: "here.example",
      limit: 5,
      offset: 0,
      range: RANGE,
    };
    return searchAccounts(source, query, options);
  };
  expect(await find("name")).toEqual([id]);
  expect(await fillAccountWords(roost.database, NEVER, 0)).toBe(1);
  await run(sql`update accounts set display_name = 'New Title' where id = ${id}`);
  expect(await find("title")).toEqual([id]);
  expect(await find("old")).toEqual([]);
  expect(await fillAccountWords(roost.database, NEVER, 0)).toBe(1);
  await run(sql`update accounts set note = 'nothing of a name' where id = ${id}`);
  expect(await fillAccountWords(roost.database, NEVER, 0)).toBe(0);
  expect(await find("title")).toEqual([id]);
  expect(await find("old")).toEqual([]);
});

test("ends when it's told to, in the middle", async () => {
  await run(sql`insert into statuses (id, author_id, visibility, text, created_at)
    select ${idAt(Date.now())}::bigint - n, ${AUTHOR}, 0, 'many', now() from generate_series(1, 3000) n`);
  const stopping = new AbortController();
  stopping.abort();
  await filling.run(stopping.signal);
  expect((await indexed("many")).length).toBeLessThan(3_000);
  expect(await search("many")).toHaveLength(100);
});
