/** The same random data, asked three ways: the reader with its caches, the SQL that defines it, and a plain model. */
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Model, type ModelStatus, pageOf, type Visibility } from "../../test/support/home-model.ts";
import { makeDataDir, removeDataDir } from "../../test/support/start-roost.ts";
import { openRoost, type Roost } from "../composition.ts";
import { loadConfig } from "../config.ts";
import { makeId } from "../core/ids.ts";
import { type Random, seededRandom } from "../core/random.ts";
import { readHomeTimeline } from "./home-timeline.ts";
import { homeTimelineBySql } from "./oracle.ts";

const ACCOUNTS = 7;
const STATUSES = 320;
const ROUNDS = process.env.TEST_LONG === "1" ? 200 : 10;
const seed = Number(process.env.PROPERTY_SEED ?? 4711);
const VISIBILITIES: readonly Visibility[] = ["public", "unlisted", "private", "direct"];
const BASE_MS = Date.UTC(2026, 0, 1);

const dataDir = makeDataDir();
let roost: Roost;
let lastAccount = 1_000n;
let lastMs = BASE_MS;

beforeAll(async () => {
  // The shortest window there may be, so that pages cross its floor.
  const settings = { DATA_DIR: dataDir, TIMELINE_MAX_ENTRIES: "40" };
  const { config } = loadConfig(settings, {});
  roost = await openRoost(config, { roles: [], log: pino({ level: "silent" }) });
});
afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});

for (let round = 0; round < ROUNDS; round++) {
  test(`reader, SQL and model agree (seed ${seed + round})`, async () => {
    const random = seededRandom(seed + round);
    const { model, ids } = await insertWorld(random);
    for (let viewer = 0; viewer < ACCOUNTS; viewer++) {
      const viewerId = ids[viewer] ?? 0n;
      const home = model.home(viewer);
      expect(await homeTimelineBySql(roost.database.db, viewerId), `SQL, viewer ${viewer}`).toEqual(home);
      for (let read = 0; read < 12; read++) await comparePage(random, viewerId, home, model);
    }
  });
}

test.each([
  [79, "dropped"],
  [80, "kept"],
])("a boost with %i posts between it and its original is %s", async (between, outcome) => {
  const model = new Model(1);
  const ids = [++lastAccount];
  const add = (boostOf: bigint | null) => {
    const id = makeId(++lastMs, 0, 0);
    const rest = { author: 0, visibility: "public" as const, mentions: new Set<number>(), repliesTo: null };
    model.statuses.set(id, { id, boostOf, ...rest });
    return id;
  };
  const original = add(null);
  for (let i = 0; i < between; i++) add(null);
  const boost = add(original);
  await insertAccounts(model, ids);
  await insertStatuses([...model.statuses.values()], ids);
  const viewerId = ids[0] ?? 0n;
  expect(model.home(0).includes(boost)).toBe(outcome === "kept");
  expect(await homeTimelineBySql(roost.database.db, viewerId)).toEqual(model.home(0));
  for (const limit of [1, 5, 40]) {
    const page = { before: null, after: null, edge: "newest" as const, limit };
    const records = await readHomeTimeline(roost.api.home, viewerId, page);
    expect(records.map((record) => record.facts.id)).toEqual(model.home(0).slice(0, limit));
  }
});

async function comparePage(random: Random, viewerId: bigint, home: bigint[], model: Model): Promise<void> {
  const all = [...model.statuses.keys()];
  const cursor = () => (random.chance(0.5) ? random.pick(all) : undefined);
  const [max, since, min] = [cursor(), cursor(), cursor()];
  const limit = random.pick([1, 2, 5, 20, 40]);
  const page = {
    before: max ?? null,
    after: min ?? since ?? null,
    edge: min === undefined ? ("newest" as const) : ("oldest" as const),
    limit,
  };
  const records = await readHomeTimeline(roost.api.home, viewerId, page);
  const expected = pageOf(home, {
    limit,
    ...(max === undefined ? {} : { max }),
    ...(since === undefined ? {} : { since }),
    ...(min === undefined ? {} : { min }),
  });
  const asked = JSON.stringify(page, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
  expect(
    records.map((record) => record.facts.id),
    asked,
  ).toEqual(expected);
}

async function insertWorld(random: Random): Promise<{ model: Model; ids: bigint[] }> {
  const model = new Model(ACCOUNTS);
  const ids = model.accounts.map(() => ++lastAccount);
  relate(model, random);
  for (let i = 0; i < STATUSES; i++) addStatus(model, random);
  await insertAccounts(model, ids);
  await insertRelations(model, ids);
  await insertStatuses([...model.statuses.values()], ids);
  return { model, ids };
}

function relate(model: Model, random: Random): void {
  model.accounts.forEach((account, place) => {
    account.suspended = random.chance(0.05);
    for (let other = 0; other < ACCOUNTS; other++) {
      if (other === place) continue;
      if (random.chance(0.7)) account.following.set(other, random.chance(0.8));
      if (random.chance(0.08)) account.muting.add(other);
    }
    for (const other of account.following.keys()) {
      if (!random.chance(0.12)) continue;
      const list = account.lists.get("list") ?? { exclusive: random.chance(0.5), members: new Set() };
      account.lists.set("list", list);
      list.members.add(other);
    }
  });
  for (let i = 0; i < 2; i++) {
    const [a, b] = random.shuffle([...model.accounts.keys()]);
    if (a !== undefined && b !== undefined) model.block(a, b);
  }
}

function addStatus(model: Model, random: Random): void {
  lastMs += 1 + random.below(50);
  const id = makeId(lastMs, 0, random.below(4096));
  const author = random.below(ACCOUNTS);
  const earlier = [...model.statuses.values()].filter((status) => status.boostOf === null);
  const base = { id, author, mentions: new Set<number>(), repliesTo: null, boostOf: null };
  // Some from so far below that a boost of it isn't dropped.
  const near = random.chance(0.8) ? earlier.slice(-60) : earlier;
  const original = earlier.length > 0 && random.chance(0.4) ? random.pick(near) : null;
  if (original && random.chance(0.6)) {
    const twice = [...model.statuses.values()].some(
      (other) => other.author === author && other.boostOf === original.id,
    );
    const boostable = original.visibility !== "direct" && !twice;
    if (boostable) model.statuses.set(id, { ...base, visibility: "public", boostOf: original.id });
    return;
  }
  const visibility = random.chance(0.6) ? "public" : random.pick(VISIBILITIES);
  const mentions = new Set(random.chance(0.4) ? [random.below(ACCOUNTS)] : []);
  model.statuses.set(id, { ...base, visibility, mentions, repliesTo: original?.author ?? null });
}

async function insertAccounts(model: Model, ids: bigint[]): Promise<void> {
  await roost.database.prepared(
    "test_accounts",
    `insert into accounts (id, username, suspended_at)
     select id, 'model_' || id, case when suspended then now() end
     from unnest($1::bigint[], $2::boolean[]) as a (id, suspended)`,
    [ids, model.accounts.map((account) => account.suspended)],
  );
}

async function insertRelations(model: Model, ids: bigint[]): Promise<void> {
  const { database } = roost;
  for (const [place, account] of model.accounts.entries()) {
    const own = ids[place];
    for (const [other, reblogs] of account.following) {
      const text = "insert into follows (follower_id, followee_id, show_reblogs) values ($1, $2, $3)";
      await database.prepared("test_follow", text, [own, ids[other], reblogs]);
    }
    for (const other of account.blocking) {
      const text = "insert into blocks (account_id, target_id) values ($1, $2)";
      await database.prepared("test_block", text, [own, ids[other]]);
    }
    for (const other of account.muting) {
      const text = "insert into mutes (account_id, target_id) values ($1, $2)";
      await database.prepared("test_mute", text, [own, ids[other]]);
    }
    for (const list of account.lists.values()) {
      const text = "insert into lists (id, account_id, title, exclusive) values ($1, $1, 'list', $2)";
      await database.prepared("test_list", text, [own, list.exclusive]);
      for (const member of list.members) {
        const memberText = "insert into list_members (list_id, member_id) values ($1, $2)";
        await database.prepared("test_member", memberText, [own, ids[member]]);
      }
    }
  }
}

async function insertStatuses(statuses: ModelStatus[], ids: bigint[]): Promise<void> {
  for (const status of statuses) {
    const original = statuses.find((other) => other.id === status.boostOf);
    await roost.database.prepared(
      "test_status",
      `insert into statuses (id, author_id, visibility, text, in_reply_to_id, in_reply_to_account_id, reblog_of_id,
         reblog_of_account_id, created_at) values ($1, $2, $3, 'text', $4, $5, $6, $7, now())`,
      [
        status.id,
        ids[status.author],
        VISIBILITIES.indexOf(status.visibility),
        status.repliesTo === null ? null : 1n,
        status.repliesTo === null ? null : ids[status.repliesTo],
        status.boostOf,
        original ? ids[original.author] : null,
      ],
    );
    for (const mentioned of status.mentions) {
      const text = "insert into status_mentions (status_id, account_id, username) values ($1, $2, 'm')";
      await roost.database.prepared("test_mention", text, [status.id, ids[mentioned]]);
    }
  }
}
