import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { verifyPassword } from "../accounts/credentials.ts";
import { timeOfIdMs } from "../core/ids.ts";
import { type EmbeddedServer, startEmbeddedServer } from "../engines/database/embedded-server.ts";
import { Database, migrate } from "../engines/database/pools.ts";
import { MemoryMediaStore } from "../engines/media-store/memory.ts";
import { homeTimelineBySql } from "../feed/oracle.ts";
import { loadDemo } from "./load.ts";

const NOW_MS = Date.UTC(2026, 4, 20, 15, 30);
const SLOW_MS = 120_000;
const quiet = { info: () => undefined };

describe("loading the demo", { timeout: SLOW_MS }, () => {
  let folder: string;
  let server: EmbeddedServer;
  let database: Database;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "roost-demo-"));
    server = await startEmbeddedServer({ dataDir: folder, log: () => undefined });
    database = new Database({
      connection: server.connection,
      poolSize: 3,
      statementTimeoutMs: 30_000,
      log: () => undefined,
    });
  }, SLOW_MS);

  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  beforeEach(async () => {
    await sql`drop schema public cascade`.execute(database.db);
    await sql`create schema public`.execute(database.db);
    await migrate(database.db);
  });

  const load = (onProgress: (done: number, total: number, label: string) => void = () => undefined) =>
    loadDemo({ database, log: quiet }, { nowMs: NOW_MS, onProgress });

  /** Rows of a query that looks for what must not be. */
  async function count(query: string): Promise<number> {
    const { rows } = await sql<{ count: bigint }>`select count(*) from (${sql.raw(query)}) q`.execute(
      database.db,
    );
    return Number(rows[0]?.count);
  }

  it("fills every table with what belongs together, once, and tells how far it is", async () => {
    const told: number[] = [];
    const summary = await load((done, total) => told.push(done / total));

    expect(summary.loadedNow).toBe(true);
    expect(summary.accounts).toBeGreaterThan(10_000);
    expect(summary.follows).toBeGreaterThan(100_000);
    expect(summary.posts).toBeGreaterThan(100_000);
    expect(summary.keptBack).toBeGreaterThan(2_000);
    expect(told.length).toBeGreaterThan(100);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(told.at(-1)).toBe(1);

    expect(await count("select from accounts")).toBe(summary.accounts);
    expect(await count("select from follows")).toBe(summary.follows);
    expect(await count("select from statuses")).toBe(summary.posts + summary.boosts);
    expect(await count("select from favourites")).toBe(summary.favourites);
    expect(await count("select from event_log")).toBe(0);

    for (const [what, query] of Object.entries(CONTRADICTIONS))
      expect([what, await count(query)]).toEqual([what, 0]);

    const again = await load();
    expect(again).toEqual({ ...summary, loadedNow: false });
    expect(await count("select from statuses")).toBe(summary.posts + summary.boosts);
  });

  it("gives the demo user a home timeline that is busy now and reaches back for weeks", async () => {
    const { login } = await load();
    const signIn = await verifyPassword(database.db, login.email, login.password);
    expect(signIn?.confirmed).toBe(true);
    const home = await homeTimelineBySql(database.db, signIn?.accountId ?? 0n);
    const within = (minutes: number) =>
      home.filter((id) => timeOfIdMs(id) > NOW_MS - minutes * 60_000).length;
    expect(within(10)).toBeGreaterThan(3);
    expect(within(60)).toBeGreaterThan(20);
    expect(home.length).toBeGreaterThan(3_000);
    expect(timeOfIdMs(home.at(-1) ?? 0n)).toBeLessThan(NOW_MS - 25 * 86_400_000);
    expect(await count(`select from notifications where account_id = ${signIn?.accountId}`)).toBeGreaterThan(
      50,
    );
  });

  it("shows pictures, several topics and beginnings of threads first, with favourites on them", async () => {
    const { login } = await load();
    const signIn = await verifyPassword(database.db, login.email, login.password);
    const home = (await homeTimelineBySql(database.db, signIn?.accountId ?? 0n)).slice(0, 100);
    const { rows } = await sql<Record<string, number>>`
      select count(*) filter (where shown.in_reply_to_id is not null)::int as replies,
        count(distinct m.status_id)::int as pictured,
        count(distinct s.id) filter (where s.text ~ '#')::int as tagged,
        count(distinct s.id) filter (where c.favourites_count > 0)::int as favourited
      from (select coalesce(reblog_of_id, id) as id, in_reply_to_id from statuses
        where id = any(${home}::bigint[])) shown
      join statuses s on s.id = shown.id left join status_counts c on c.status_id = s.id
      left join (select distinct status_id from media_attachments) m on m.status_id = s.id`.execute(
      database.db,
    );
    const found = rows[0] ?? {};
    expect(found.replies).toBeLessThan(50);
    expect(found.pictured).toBeGreaterThan(8);
    expect(found.tagged).toBeGreaterThan(15);
    expect(found.favourited).toBeGreaterThan(30);
  });

  it("puts every picture into the media store, before the rows that name it", async () => {
    const mediaStore = new MemoryMediaStore();
    await loadDemo({ database, log: quiet }, { nowMs: NOW_MS, mediaStore, onProgress: () => undefined });
    const { rows } = await sql<{ key: string }>`
      select original_key as key from media_attachments union select preview_key from media_attachments
      union select avatar_key from accounts where avatar_key is not null
      union select header_key from accounts where header_key is not null`.execute(database.db);
    expect(rows.length).toBeGreaterThan(100);
    for (const { key } of rows) expect([key, await mediaStore.get(key)]).not.toEqual([key, null]);
  });

  it("loads once when two load at the same time", async () => {
    const summaries = await Promise.all([load(), load()]);
    expect(summaries.map((summary) => summary.loadedNow).toSorted()).toEqual([false, true]);
  });

  it("leaves nothing behind when killed in the middle, and loads at the next call", async () => {
    await killInTheMiddle(server.connection);
    await expect.poll(() => count("select from pg_stat_activity where backend_xid is not null")).toBe(0);
    expect(await count("select from accounts")).toBe(0);
    expect((await load()).loadedNow).toBe(true);
  });

  it("refuses a database where somebody has one of its names", async () => {
    await sql`insert into accounts (id, username) values (1, 'Demo')`.execute(database.db);
    await expect(load()).rejects.toThrow("names that are taken (Demo)");
    expect(await count("select from accounts")).toBe(1);
  });
});

/** Each finds rows that would contradict others. */
const CONTRADICTIONS = {
  "answers to what isn't there, is younger or by somebody else": `select from statuses s
    left join statuses t on t.id = s.in_reply_to_id
    where s.in_reply_to_id is not null and (t.id is null or t.id >= s.id or t.author_id <> s.in_reply_to_account_id)`,
  "boosts of what isn't there, is younger or by somebody else": `select from statuses s
    left join statuses t on t.id = s.reblog_of_id
    where s.reblog_of_id is not null and (t.id is null or t.id >= s.id or t.author_id <> s.reblog_of_account_id)`,
  "statuses without an author, or on another shard": `select from statuses s left join accounts a on a.id = s.author_id
    where a.id is null or (a.id >> 12) & 1023 <> (s.id >> 12) & 1023`,
  "ids that tell another time": `select from statuses
    where created_at <> to_timestamp(((id >> 22) + 1420070400000) / 1000.0)`,
  "statuses of the future": `select from statuses where created_at > to_timestamp(${NOW_MS / 1000})`,
  "mentions of nobody": `select from status_mentions m left join accounts a on a.id = m.account_id
    left join statuses s on s.id = m.status_id where a.username is distinct from m.username or s.id is null`,
  "follows of or by nobody": `select from follows f where not exists (select from accounts where id = f.follower_id)
    or not exists (select from accounts where id = f.followee_id) or follower_id = followee_id`,
  "wrong follow counts": `select from accounts a left join follow_counts c on c.account_id = a.id
    where c.followers_count is distinct from (select count(*) from follows where followee_id = a.id)
      or c.following_count is distinct from (select count(*) from follows where follower_id = a.id)`,
  "wrong status counts": `select from statuses s left join status_counts c on c.status_id = s.id
    where coalesce(c.replies_count, 0) <> (select count(*) from statuses where in_reply_to_id = s.id)
      or coalesce(c.reblogs_count, 0) <> (select count(*) from statuses where reblog_of_id = s.id)
      or coalesce(c.favourites_count, 0) <> (select count(*) from favourites where status_id = s.id)`,
  "wrong author counts": `select from (
      select author_id, count(*) as posts, max(created_at) as last from statuses group by author_id) s
    full join author_counts c on c.account_id = s.author_id
    where c.statuses_count is distinct from s.posts or c.last_status_at is distinct from s.last`,
  "favourites of nothing or by nobody": `select from favourites f
    where not exists (select from statuses where id = f.status_id and reblog_of_id is null)
      or not exists (select from accounts where id = f.account_id)`,
};

/** Another process begins to load and gets SIGKILL when half of it is written. */
async function killInTheMiddle(connection: EmbeddedServer["connection"]): Promise<void> {
  const script = `
    const { Database } = await import(${JSON.stringify(new URL("../engines/database/pools.ts", import.meta.url).href)});
    const { loadDemo } = await import(${JSON.stringify(new URL("./load.ts", import.meta.url).href)});
    const database = new Database({ connection: ${JSON.stringify(connection)}, poolSize: 1, statementTimeoutMs: 30000,
      log: () => undefined });
    await loadDemo({ database, log: { info: () => undefined } }, { nowMs: ${NOW_MS},
      onProgress: (done, total) => { if (done > total / 2) process.kill(process.pid, "SIGKILL"); } });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" });
  const signal = await new Promise((resolve) => child.once("exit", (_, by) => resolve(by)));
  expect(signal).toBe("SIGKILL");
}
