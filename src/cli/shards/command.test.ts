/** One database more, as docs/operations.md tells it: what is printed is run as it is, by a shell. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client, type Status, signUp } from "../../../test/support/client.ts";
import { type ShardDatabases, startShardDatabases } from "../../../test/support/shard-databases.ts";
import { openRoost } from "../../composition.ts";
import { loadConfig } from "../../config.ts";
import { packageDir } from "../invocation.ts";
import { emptyFolder, type Outcome, roost } from "../spawned.ts";

const folder = emptyFolder();
let databases: ShardDatabases;
beforeAll(async () => {
  databases = await startShardDatabases(["one", "two", "three"]);
  const { SHARD_URLS: _, ...main } = settingsOf([]);
  expect((await roost(["migrate"], main, folder)).code).toBe(0);
});
afterAll(() => databases?.[Symbol.asyncDispose]());

const urlsOf = (...names: string[]) =>
  databases.shardUrls.filter((url) => names.some((name) => url.includes(`/${name}?`)));

const settingsOf = (shardUrls: readonly string[]) => ({
  ...databases.env,
  SHARD_URLS: shardUrls.join(","),
  DATA_DIR: join(folder, "data"),
  HOST: "127.0.0.1",
  PORT: "0",
  RATE_LIMITS: "off",
  LOG_LEVEL: "silent",
});

const shards = (args: readonly string[], shardUrls: readonly string[]): Promise<Outcome> =>
  roost(["shards", ...args], settingsOf(shardUrls), folder);

interface Holder {
  readonly address: string;
  readonly count: number;
}

async function held(shardUrls: readonly string[]): Promise<Holder[]> {
  const { stdout, stderr } = await shards(["list", "--json"], shardUrls);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

/** As if pasted to a terminal. */
async function paste(lines: string, shardUrls: readonly string[]): Promise<string> {
  const env = { PATH: `${join(packageDir, "bin")}:/usr/bin:/bin`, ...settingsOf(shardUrls) };
  const { stdout } = await promisify(execFile)("sh", ["-ec", lines], { env, cwd: folder });
  return stdout;
}

const open = (shardUrls: readonly string[]) => openRoost(loadConfig(settingsOf(shardUrls)).config);

/** "171 from one", and where to: what a plan says, without the shards. */
const movesIn = (plan: string) =>
  [...plan.matchAll(/^# (\d+) from \S+\/(\w+)\nroost shards move --to \S+\/(\w+) --shards [\d,-]+$/gm)].map(
    ([, count, from, to]) => ({ count: Number(count), from, to }),
  );

const EVEN = { code: 0, stdout: "The shards are spread evenly: there is nothing to move.\n", stderr: "" };

test("a plan spreads over those that are to hold shards, and says when there is nothing to do", async () => {
  const two = urlsOf("one", "two");
  const address = (await held(two)).find((one) => one.address.endsWith("/two"))?.address ?? "";
  const [plan, without, unknown, noAddress, none] = await Promise.all([
    shards(["plan"], two),
    shards(["plan", "--without", address], two),
    shards(["plan", "--without", "four"], two),
    shards(["plan", "--add", "secret@nowhere"], two),
    shards(["plan"], []),
  ]);
  expect(plan).toEqual(EVEN);
  expect([without.code, without.stderr]).toEqual([0, ""]);
  expect(movesIn(without.stdout)).toEqual([{ count: 512, from: "two", to: "one" }]);
  expect([unknown.code, unknown.stdout]).toEqual([2, ""]);
  expect(unknown.stderr).toContain("No database is called four.");
  expect(unknown.stderr).toContain(address);
  expect([noAddress.code, noAddress.stdout]).toEqual([2, ""]);
  expect(noAddress.stderr).not.toContain("secret");
  expect([none.code, none.stdout]).toEqual([78, ""]);
  expect(none.stderr).toContain("SHARD_URLS is not set");
});

test("a third database gets its share, by what the plan for it says, while a server runs", async () => {
  const two = urlsOf("one", "two");
  const all = urlsOf("one", "two", "three");
  const people = await (async () => {
    await using server = await open(two);
    const signedUp = await signUp(await server.listen(), "wren", "robin", "finch");
    for (const { client } of signedUp) await client.publish("before");
    return signedUp;
  })();

  const plan = await shards(["plan", "--add", urlsOf("three").join()], two);
  expect(plan.code).toBe(0);
  expect(plan.stderr).toBe(
    "First add the database to SHARD_URLS of every server, and here, and restart them one by one. Then:\n",
  );
  const moves = movesIn(plan.stdout);
  expect(moves.map(({ from, to }) => `${from} → ${to}`)).toEqual(["one → three", "two → three"]);
  expect(moves.reduce((sum, { count }) => sum + count, 0)).toBe(341);
  expect(plan.stdout.trimEnd().split("\n")).toHaveLength(4);

  await using server = await open(all);
  const url = await server.listen();
  // Seven seconds each: servers may go by the old map for two, and read the old rows for five.
  expect((await paste(plan.stdout, all)).match(/^Moved [\d,-]+ in [\d.]+ s: \d+ rows/gm)).toHaveLength(2);
  const [left, holders] = await Promise.all([shards(["plan"], all), held(all)]);
  expect(left).toEqual(EVEN);
  const counts = holders.map(({ address, count }) => `${address.replace(/.*\//, "")}: ${count}`);
  expect(counts).toEqual(["the database of DATABASE_URL: 0", "one: 342", "two: 341", "three: 341"]);
  for (const { id, client } of people) {
    const again = new Client(url, client.token);
    await again.publish("after");
    const own = await again.get<Status[]>(`/api/v1/accounts/${id}/statuses`);
    expect(own.map(({ content }) => content)).toEqual(["<p>after</p>", "<p>before</p>"]);
  }
});
