/** What searching costs where there is much: its statements read no table from one end to the other. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { plansOf } from "../../bench/plans.ts";
import { everySearch } from "../../bench/search.ts";
import { dice, makeFollows, makeSearchWorld } from "../../bench/search-world.ts";
import { openRoost, type Roost } from "../../src/composition.ts";
import { loadConfig } from "../../src/config.ts";
import { connectToRunningServer } from "../../src/engines/database/embedded-server.ts";
import { makeDataDir, removeDataDir } from "../support/start-roost.ts";

const SIZE = { accounts: 20_000, posts: 40_000 };
const FILLING_MS = 240_000;

let dataDir: string;
let roost: Roost;
let viewerId: bigint;

beforeAll(async () => {
  dataDir = makeDataDir();
  const { config } = loadConfig({ DATA_DIR: dataDir, LOG_LEVEL: "error" }, {});
  roost = await openRoost(config, { roles: [] });
  const world = await makeSearchWorld(roost, SIZE);
  const viewers = world.accountIds.slice(0, 6);
  await makeFollows(world, viewers, dice(1));
  viewerId = viewers[5] ?? 0n;
}, FILLING_MS);

afterAll(async () => {
  await roost?.[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});

test("no search reads a table as a whole", async () => {
  const connection = await connectToRunningServer(dataDir);
  const plans = await plansOf(roost, connection ?? {}, (source) => everySearch(source, viewerId));
  expect(plans.length).toBeGreaterThan(20);
  const whole = plans.filter(({ readWhole }) => readWhole.length > 0);
  expect(whole.map(({ statement, lines }) => [statement, ...lines].join("\n"))).toEqual([]);
});

test("a whole read would be seen", async () => {
  const connection = await connectToRunningServer(dataDir);
  const plans = await plansOf(roost, connection ?? {}, ({ database }) =>
    database.db.selectFrom("statuses").select("text").execute(),
  );
  expect(plans.map(({ readWhole }) => readWhole)).toEqual([["statuses"]]);
});
