/** Posts of before, looked through for their hashtags anew: what is found of them meanwhile, and in the end. */

import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeDataDir, removeDataDir } from "../../test/support/start-roost.ts";
import { databaseChecks } from "../cli/doctor/database.ts";
import { Terminal } from "../cli/terminal.ts";
import { openRoost, type Roost } from "../composition.ts";
import { loadConfig } from "../config.ts";
import { systemClock } from "../core/clock.ts";
import { type AccountId, makeId, type StatusId } from "../core/ids.ts";
import { readTagTimeline } from "./public-timelines.ts";
import { retag, retaggedShare } from "./retag.ts";

const PAGE = { before: null, after: null, limit: 40, edge: "newest" } as const;

const dataDir = makeDataDir();
const shares: number[] = [];
let roost: Roost;
let made = 0;
const author = makeId(Date.UTC(2025, 0, 1), 1, 0) as AccountId;

beforeAll(async () => {
  const { config } = loadConfig({ DATA_DIR: dataDir }, {});
  roost = await openRoost(config, { roles: [], log: pino({ level: "silent" }) });
  await roost.database.db.insertInto("accounts").values({ id: author, username: "wren" }).execute();
});
afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});
beforeEach(async () => {
  await sql`delete from statuses`.execute(roost.database.db);
  await sql`delete from status_tags`.execute(roost.database.db);
  await sql`update retagging set rules = 1, lap = 1, status_id = 0, ended_at = null`.execute(
    roost.database.db,
  );
  await roost.loseCaches();
  shares.length = 0;
});

/** As the version before has written it: the tags are keys and names. */
async function old(text: string, ...tags: readonly [key: string, name: string][]): Promise<StatusId> {
  const { db } = roost.database;
  const id = makeId(Date.UTC(2025, 6, 1) + ++made, 1, 0) as StatusId;
  await db
    .insertInto("statuses")
    .values({ id, author_id: author, visibility: 0, text, created_at: new Date(0) })
    .execute();
  for (const [tag, name] of tags)
    await db.insertInto("status_tags").values({ status_id: id, tag, name }).execute();
  return id;
}

async function tagsOf(id: StatusId): Promise<string[]> {
  const { rows } = await sql<{ tag: string; name: string }>`
    select tag, name from status_tags where status_id = ${id}`.execute(roost.database.db);
  return rows.map(({ tag, name }) => `${tag} ${name}`).toSorted();
}

async function timeline(tag: string, more: { all?: string[]; none?: string[] } = {}): Promise<StatusId[]> {
  const { statuses } = roost.api;
  const context = { ...statuses, clock: roost.api.clock, reading: { staleMs: 0 } } as never;
  const filter = { tag, any: [], all: [], none: [], onlyMedia: false, ...more };
  const records = await readTagTimeline(context, null, PAGE, filter);
  return records.map(({ facts }) => facts.id);
}

const run = (signal = new AbortController().signal) =>
  retag(
    {
      database: roost.database,
      clock: systemClock,
      invalidate: async ({ statuses = [] }) => roost.api.statuses.statuses.invalidate(statuses),
      onProgress: (share) => shares.push(share),
    },
    signal,
  );

test("a post is found by what was typed all the time, and by every way to type it in the end", async () => {
  const summer = await old("#Été", ["été", "Été"]);
  const plain = await old("#ete", ["ete", "ete"]);
  const joined = await old("#ශ්\u200dරීලංකා", ["ශ්", "ශ්"]);
  const hidden = await old("❤️#love");
  const gone = await old("#️⃣", ["\ufe0f\u20e3", "\ufe0f\u20e3"]);
  expect(await timeline("Été")).toEqual([plain, summer]);
  expect(await timeline("ÉTÉ".normalize("NFD"))).toEqual([plain, summer]);
  expect(await timeline("plain", { all: [] })).toEqual([]);
  expect(await timeline("ete", { none: ["ÉTÉ"] })).toEqual([]);
  await run();
  for (const typed of ["été", "#ETE", "ｅｔｅ", "＃été".normalize("NFD")])
    expect(await timeline(typed), typed).toEqual([plain, summer]);
  expect(await timeline("love", { all: ["LOVE"] })).toEqual([hidden]);
  expect([await tagsOf(summer), await tagsOf(joined), await tagsOf(gone)]).toEqual([
    ["ete Été"],
    ["ශ්\u200dරීලංකා ශ්\u200dරීලංකා"],
    [],
  ]);
});

test("it goes on where it was ended in the middle, tells how far it is, and several share the work", async () => {
  const ids: StatusId[] = [];
  for (let i = 0; i < 900; i++) ids.push(await old(`#Ä${i}`, [`ä${i}`, `Ä${i}`]));
  const stopping = new AbortController();
  const ended = run(stopping.signal);
  await expect.poll(() => shares.length).toBeGreaterThan(0);
  stopping.abort();
  await ended;
  const share = await retaggedShare(roost.database);
  expect(share).toBeGreaterThan(0.2);
  expect(share).toBeLessThan(0.9);
  const terminal = new Terminal({ ...process, color: "never", quiet: true, verbose: false });
  const doctor = databaseChecks.find(({ name }) => name === "Database");
  expect(await doctor?.run(loadConfig({ DATA_DIR: dataDir }, {}), terminal)).toMatchObject({
    status: "ok",
    says: expect.stringContaining(`up to date in ${Math.floor(share * 100)} % of the posts`),
  });
  await Promise.all([run(), run(), run()]);
  // Who finds another one at it leaves.
  await run();
  expect(await retaggedShare(roost.database)).toBe(1);
  expect(shares).toContain(1);
  for (const [i, id] of ids.entries()) expect(await tagsOf(id)).toEqual([`a${i} Ä${i}`]);
});

test("what the version before writes meanwhile is found a day later, and then it's over", async () => {
  const { db } = roost.database;
  await run();
  const late = await old("#Été", ["été", "Été"]);
  await run();
  expect(await tagsOf(late)).toEqual(["été Été"]);
  await sql`update retagging set began_at = now() - interval '2 days'`.execute(db);
  await run();
  expect(await tagsOf(late)).toEqual(["ete Été"]);
  const after = await old("#Été", ["été", "Été"]);
  await run();
  expect(await tagsOf(after)).toEqual(["été Été"]);
});

test("later rules are left alone", async () => {
  const post = await old("#Été", ["été", "Été"]);
  await sql`update retagging set rules = 99`.execute(roost.database.db);
  await run();
  expect(await tagsOf(post)).toEqual(["été Été"]);
});

test("a post that is edited at the same time has the tags of its last text", async () => {
  const post = await old("#Été", ["été", "Été"]);
  let running: Promise<void> = Promise.resolve();
  await roost.database.db.transaction().execute(async (tx) => {
    await sql`update statuses set text = '#Printemps' where id = ${post}`.execute(tx);
    await sql`delete from status_tags where status_id = ${post}`.execute(tx);
    await sql`insert into status_tags values (${post}, 'printemps', 'Printemps')`.execute(tx);
    running = run();
    // It has read the text of before and waits for the row.
    await expect
      .poll(async () => {
        const { rows } = await sql`select 1 from pg_locks where not granted`.execute(roost.database.db);
        return rows.length;
      })
      .toBeGreaterThan(0);
  });
  await running;
  expect(await tagsOf(post)).toEqual(["printemps Printemps"]);
});
