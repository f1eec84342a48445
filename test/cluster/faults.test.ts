/**
 * Every part of a whole cluster is killed and frozen in turn while people post and read. What a write can't be sure of is
 * refused with 503 and Retry-After; reads go on where they can; afterwards everything heals, and no acknowledged post
 * is missing from any follower's timeline.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SignedUp, signUp } from "../support/client.ts";
import { testCluster } from "../support/cluster-tenant.ts";
import { waitFor } from "../support/wait.ts";
import { Load, type Told } from "./load.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const HELD_MS = 4_000;
/** Until people notice that nothing can take the place of what is away. */
const NOTICED_MS_MAX = 40_000;
const ANSWER_MS_MAX = 25_000;
/** Until answers are good again once the part is back, or others have taken over. */
const HEALED_MS_MAX = 45_000;
const DELIVERED_MS_MAX = 45_000;
const IN_A_ROW = 10;
const FRONT = "haproxy";

/** What people may notice while a part is away: nothing lasting, or refusals until it is back. */
type Notice = "moments" | "until it is back";
interface Row {
  readonly part: string;
  readonly posts: Notice;
  readonly reads: Notice;
}

const MATRIX: readonly Row[] = [
  { part: "pg-1", posts: "until it is back", reads: "until it is back" },
  { part: "pg-2", posts: "moments", reads: "moments" },
  { part: "pgbouncer", posts: "until it is back", reads: "until it is back" },
  { part: "redis-2", posts: "moments", reads: "moments" },
  { part: "kafka-1", posts: "moments", reads: "moments" },
  { part: "api-1", posts: "moments", reads: "moments" },
  { part: "fanout-1", posts: "moments", reads: "moments" },
  { part: "jobs-1", posts: "moments", reads: "moments" },
  { part: "relay-1", posts: "moments", reads: "moments" },
  { part: FRONT, posts: "until it is back", reads: "until it is back" },
];

describe.skipIf(!testCluster)("a whole cluster (needs TEST_CLUSTER)", () => {
  let url: string;
  let authors: SignedUp[];
  let readers: SignedUp[];

  beforeAll(async () => {
    const told = JSON.parse(roostCluster("up", "--json")) as { url: string };
    url = told.url;
    const run = Date.now().toString(36);
    const named = (what: string) => [1, 2, 3].map((n) => `${what}_${run}_${n}`);
    authors = await signUp(url, ...named("author"));
    readers = await signUp(url, ...named("reader"));
    for (const { client } of readers) for (const { id } of authors) await client.follow(id);
  }, 180_000);

  afterAll(() => {
    roostCluster("up");
  });

  const cases = MATRIX.flatMap((row) => (["kill", "freeze"] as const).map((fault) => ({ ...row, fault })));
  test.each(cases)(
    "$fault $part: posts suffer $posts, reads $reads; nothing acknowledged is lost",
    async ({ part, fault, posts, reads }) => {
      const load = new Load({ authors, readers });
      try {
        await waitFor(() => load.acknowledged.length >= IN_A_ROW, 10_000, "posting works before");
        const beganMs = performance.now();
        roostCluster(fault, part);
        await new Promise((resolve) => setTimeout(resolve, HELD_MS));
        if (posts === "moments") await healed(load, "post", "others take over");
        else await refused(load, "post", beganMs);
        if (reads === "moments") await healed(load, "home", "others take over");
        else await refused(load, "home", beganMs);
        roostCluster(fault === "kill" ? "start" : "thaw", part);
        await healed(load, "post", `${part} is back`);
        await healed(load, "home", `${part} is back`);
        await load.stop();
        expectHonest(load, beganMs, part);
        await expectNothingLost(load.acknowledged);
      } finally {
        await load.stop();
        roostCluster("up");
      }
    },
    180_000,
  );

  /** Good answers in a row, all to questions that were asked from now on. */
  async function healed(load: Load, what: "post" | "home", when: string): Promise<void> {
    const fromMs = performance.now();
    const isHealed = () => {
      const last = load.since(fromMs, what).slice(-IN_A_ROW);
      return last.length === IN_A_ROW && last.every(({ status }) => status === 200);
    };
    await waitFor(isHealed, HEALED_MS_MAX, `${what} works again when ${when}`).catch((error: Error) => {
      const last = load.told.filter((one) => one.what === what).slice(-3);
      throw new Error(`${error.message}; last answers: ${JSON.stringify(last)}`);
    });
  }

  function refused(load: Load, what: "post" | "home", fromMs: number): Promise<void> {
    return waitFor(
      () => load.told.some((one) => one.what === what && one.atMs >= fromMs && one.status !== 200),
      NOTICED_MS_MAX,
      `${what} is refused`,
    );
  }

  function expectHonest(load: Load, beganMs: number, part: string): void {
    const since = load.told.filter(({ atMs }) => atMs >= beganMs);
    // With a process that had the request nobody knows what it did: 502, 504 or a connection that ends say so.
    const isUnknown = part === FRONT || part.startsWith("api");
    const isHonest = ({ status, retryAfter }: Told) =>
      status === 200 ||
      (status === 503 && retryAfter !== null) ||
      (isUnknown && (status === null || (/^50[24]$/.test(`${status}`) && retryAfter !== null)));
    expect(since.filter((one) => !isHonest(one)).slice(0, 3), "what fails says when to come again").toEqual(
      [],
    );
    if (part === FRONT) return;
    expect(Math.max(...since.map(({ tookMs }) => tookMs)), "the longest answer").toBeLessThan(ANSWER_MS_MAX);
  }

  async function expectNothingLost(ids: readonly string[]): Promise<void> {
    for (const { client, username } of readers) {
      let missing: string[] = [];
      await waitFor(
        async () => {
          const [oldest = "1"] = ids.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
          const pages = await client
            .homeByLinks(40, "prev", `&min_id=${BigInt(oldest) - 1n}`)
            .catch(() => []);
          const seen = new Set(pages.flat());
          missing = ids.filter((id) => !seen.has(id));
          return missing.length === 0;
        },
        DELIVERED_MS_MAX,
        `all acknowledged posts are in the timeline of ${username}`,
      ).catch((error: Error) => {
        throw new Error(`${error.message}: ${missing.length} of ${ids.length} missing, first ${missing[0]}`);
      });
    }
  }
});

/** A command of the cluster; resolves to what it said. */
function roostCluster(...args: string[]): string {
  return execFileSync(process.execPath, [MAIN, "cluster", ...args, "--data-dir", testCluster ?? ""], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: process.env.HOME, RATE_LIMITS: "off" },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
