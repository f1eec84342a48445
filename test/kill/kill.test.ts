/** What a killed process may cost: nothing that was acknowledged. */
import { existsSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { Client, type SignedUp, signUp } from "../support/client.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import {
  isRunning,
  makeDataDir,
  postmasterPid,
  processesOf,
  type RunningRoost,
  removeDataDir,
  startRoost,
  waitFor,
} from "../support/start-roost.ts";

const isLong = process.env.TEST_LONG === "1";
const ROUNDS = isLong ? 40 : 5;
const AUTHORS = 3;
const FOLLOWERS = 3;
const CONCURRENT = 6;
const DELIVERED_MS_MAX = 30_000;

let dataDir = "";
let roost: RunningRoost;

afterEach(async () => {
  await roost?.[Symbol.asyncDispose]();
  await removeDataDir(dataDir);
});

async function startAnew(): Promise<{ authors: SignedUp[]; followers: SignedUp[] }> {
  dataDir = makeDataDir();
  roost = await startRoost({ dataDir });
  const names = (what: string, count: number) => Array.from({ length: count }, (_, i) => `${what}_${i}`);
  const authors = await signUp(roost.url, ...names("author", AUTHORS));
  const followers = await signUp(roost.url, ...names("follower", FOLLOWERS));
  for (const { client } of followers) for (const author of authors) await client.follow(author.id);
  return { authors, followers };
}

/** Posts as fast as it goes until told to stop; gives the ids that were acknowledged. */
function load(authors: SignedUp[]): { acknowledged: string[]; failures: string[]; stop(): Promise<void> } {
  const acknowledged: string[] = [];
  const failures: string[] = [];
  let stopping = false;
  const running = Array.from({ length: CONCURRENT }, async (_, worker) => {
    const { client } = authors[worker % authors.length] ?? {};
    for (let n = 0; !stopping && client; n++) {
      try {
        acknowledged.push((await client.publish(`Post ${n} of ${worker}`)).id);
      } catch (error) {
        failures.push(String(error));
        // The server is gone: nothing more is acknowledged.
        if (error instanceof TypeError) return;
      }
    }
  });
  return {
    acknowledged,
    failures,
    stop: async () => {
      stopping = true;
      await Promise.all(running);
    },
  };
}

const moved = (people: SignedUp[]) =>
  people.map((person) => ({ ...person, client: new Client(roost.url, person.client.token) }));

async function missingFrom({ client }: SignedUp, ids: string[]): Promise<string[]> {
  const pages = await client.homeByLinks(40);
  const all = pages.flat();
  expect(new Set(all).size, "no id twice").toBe(all.length);
  const seen = new Set(all);
  return ids.filter((id) => !seen.has(id));
}

/** Every acknowledged post is in every timeline, its author's at once, its followers' soon. */
async function expectNothingLost(authors: SignedUp[], followers: SignedUp[], ids: string[]): Promise<void> {
  for (const person of [...moved(followers), ...moved(authors.slice(0, 1))]) {
    const own = person.username.startsWith("author");
    if (own) continue;
    let missing: string[] = [];
    await waitFor(
      async () => {
        missing = await missingFrom(person, ids);
        return missing.length === 0;
      },
      DELIVERED_MS_MAX,
      `all acknowledged posts are in the timeline of ${person.username}`,
    ).catch((error: Error) => {
      throw new Error(`${error.message}: ${missing.length} of ${ids.length} missing, first ${missing[0]}`);
    });
  }
}

/** The database that Roost runs itself; those of a cluster are broken in test/cluster. */
const onItsOwn = test.skipIf(testCluster !== null);

function killDatabase(): void {
  const postmaster = postmasterPid(dataDir);
  if (postmaster === null) throw new Error("the database of the test isn't running");
  process.kill(postmaster, "SIGKILL");
}

const randomPauseMs = () => 50 + Math.floor(Math.random() * 700);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("kill -9 under load", () => {
  test(
    `of Roost, ${ROUNDS} times: every acknowledged post is in every follower's timeline`,
    async () => {
      const { authors, followers } = await startAnew();
      const ids: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const { acknowledged, stop } = load(moved(authors));
        await pause(randomPauseMs());
        // Followers who read have timelines that fan-out appends to; both kinds must survive.
        await moved(followers)[round % FOLLOWERS]?.client.home();
        await roost.kill9();
        await stop();
        ids.push(...acknowledged);
        // The database of before is still running, and is taken over.
        roost = await startRoost({ dataDir });
      }
      expect(ids.length).toBeGreaterThan(ROUNDS);
      await expectNothingLost(authors, followers, ids);
    },
    isLong ? 600_000 : 120_000,
  );

  onItsOwn(
    "of the database: Roost says so and ends, and nothing is lost after a restart",
    async () => {
      const { authors, followers } = await startAnew();
      const { acknowledged, stop } = load(authors);
      await pause(randomPauseMs());
      killDatabase();
      expect(await roost.exited).not.toBe(0);
      await stop();
      expect(roost.output()).toMatch(/PostgreSQL/);
      roost = await startRoost({ dataDir });
      await expectNothingLost(authors, followers, acknowledged);
    },
    120_000,
  );

  onItsOwn(
    "of both at once",
    async () => {
      const { authors, followers } = await startAnew();
      const { acknowledged, stop } = load(authors);
      await pause(randomPauseMs());
      killDatabase();
      await roost.kill9();
      await stop();
      roost = await startRoost({ dataDir });
      await expectNothingLost(authors, followers, acknowledged);
    },
    120_000,
  );
});

describe("SIGTERM under load", () => {
  test("finishes what it has begun, exits with 0 and leaves no process", async () => {
    const { authors, followers } = await startAnew();
    const { acknowledged, failures, stop } = load(authors);
    await pause(400);
    const before = processesOf(dataDir);
    expect(before.length).toBeGreaterThan(0);
    const code = await roost.stop();
    await stop();
    expect(code, roost.output()).toBe(0);
    expect(isRunning(roost.pid)).toBe(false);
    await waitFor(() => processesOf(dataDir).length === 0, 5_000, "no process of the data directory is left");
    // Refused connections and 503 are fine while stopping; an answer cut in the middle or a 500 isn't.
    expect(failures.filter((failure) => /: 500 |terminated|other side closed/.test(failure))).toEqual([]);
    roost = await startRoost({ dataDir });
    await expectNothingLost(authors, followers, acknowledged);
    expect(existsSync(dataDir)).toBe(true);
  }, 120_000);

  test("before it is ready stops it as well", async () => {
    await startAnew();
    await roost.stop();
    const starting = startRoost({ dataDir }).catch((error: Error) => error);
    await pause(150);
    const [early] = processesOf(dataDir);
    if (early !== undefined) process.kill(early, "SIGTERM");
    const outcome = await starting;
    if (!(outcome instanceof Error)) await outcome.stop();
    await waitFor(() => processesOf(dataDir).length === 0, 30_000, "no process is left");
  }, 90_000);
});

onItsOwn(
  "a second Roost on the same data directory is refused, and the first goes on",
  async () => {
    const { authors } = await startAnew();
    await expect(startRoost({ dataDir })).rejects.toThrow(/in use/);
    expect((await authors[0]?.client.publish("Still here"))?.content).toContain("Still here");
  },
  60_000,
);
