/**
 * How soon posts to small audiences are visible while posts to a million followers are being delivered, one after
 * another, by the same process: every role in one `roost start`, with PostgreSQL, Redis and Kafka beside it.
 */
import { sql } from "kysely";
import type { Roost } from "../src/composition.ts";
import { type AccountId, makeId } from "../src/core/ids.ts";
import { deliveredBy, untilDelivered } from "./metrics.ts";
import { startEngines, startServer } from "./processes.ts";
import type { Figure, Measured, Part, RowName } from "./report.ts";
import { makeAccounts, prepare, quantile, temporaryFolder } from "./support.ts";
import { storeTimelines } from "./timelines.ts";
import { Pair, publish } from "./visible-post.ts";

const HUGE = 1_000_000;
const AUDIENCES = [
  { followers: 50, postsPerSecond: 10, row: "visibleSmall" },
  { followers: 10_000, postsPerSecond: 2, row: "visibleLarge" },
] as const satisfies { followers: number; postsPerSecond: number; row: RowName }[];
/** Of the time with large posts, the part that is measured without them before. */
const QUIET_PART = 0.5;
/** A statement may run for 15 s. */
const FOLLOWS_A_STATEMENT = 50_000;
const WARM_SECONDS = 2;
const DAY_MS = 24 * 3600 * 1000;
/** Everybody is delivered to, whatever it takes. */
const PUSH_ALWAYS = {
  FAN_OUT_PULL_FROM_FOLLOWERS: `${10 * HUGE}`,
  FAN_OUT_PUSH_BELOW_FOLLOWERS: `${9 * HUGE}`,
};

export const visibleBesideLarge: Part = { rows: ["visibleSmall", "visibleLarge"], measure };

async function measure(seconds: number): Promise<Measured> {
  using folder = temporaryFolder();
  await using engines = await startEngines(folder.path, { kafka: true });
  const settings = { ...engines.settings, ...PUSH_ALWAYS };
  const { huge, pairs } = await prepare(settings, fill);
  await using server = await startServer(settings);
  const { url } = server;
  for (const pair of pairs) await pair.read(url);
  // The first posts find nothing compiled and nothing cached.
  await sample(url, pairs, WARM_SECONDS);
  const quiet = await sample(url, pairs, seconds * QUIET_PART);
  const ending = new AbortController();
  const large = deliverLarge(url, huge, ending.signal);
  const busy = await sample(url, pairs, seconds);
  ending.abort();
  const { durationsMs, deliveriesPerSecond } = await large;
  const figures = AUDIENCES.flatMap(({ followers, row }, i): Figure[] => {
    const during = busy[i] ?? [];
    const before = { what: "without them", value: quantile(quiet[i] ?? [], 0.99) };
    return [
      { row, measured: quantile(during, 0.99), unit: "ms", heldAgainst: before },
      { what: `p50, ${followers} followers`, measured: quantile(during, 0.5), unit: "ms" },
    ];
  });
  return {
    conditions: `posts to ${HUGE} one after another, of whom 10,000 have timelines in Redis; ${busy.map((delays) => delays.length).join(" and ")} posts to few meanwhile`,
    figures: [
      ...figures,
      // A busy machine may not have finished one.
      ...durationsMs.slice(0, 1).map(
        (): Figure => ({
          what: "post → delivered to the last of 1,000,000, p50",
          measured: quantile(durationsMs, 0.5),
          unit: "ms",
        }),
      ),
      { what: "deliveries to large audiences meanwhile", measured: deliveriesPerSecond, unit: "/s" },
    ],
  };
}

/** Followers are ids without an account, but for those who read. */
async function fill(roost: Roost): Promise<{ huge: string; pairs: Pair[] }> {
  const { db } = roost.database;
  const [huge, ...authors] = await makeAccounts(roost, 1 + AUDIENCES.length, "author");
  const readers = await makeAccounts(roost, AUDIENCES.length, "reader");
  const startMs = Date.now() - 10 * DAY_MS;
  const audience = async (id: AccountId, followers: number, reader: AccountId | null) => {
    const first = makeId(startMs, 0, 0);
    for (let from = 0; from < followers; from += FOLLOWS_A_STATEMENT) {
      const to = Math.min(followers, from + FOLLOWS_A_STATEMENT);
      await sql`insert into follows (follower_id, followee_id)
        select ${first}::bigint + (n::bigint << 22), ${id}::bigint
        from generate_series(${from}::int, ${to}::int - 1) n`.execute(db);
    }
    if (reader)
      await sql`insert into follows (follower_id, followee_id) values (${reader}, ${id})`.execute(db);
    await sql`insert into follow_counts (account_id, followers_count) values (${id}, ${followers})`.execute(
      db,
    );
  };
  await audience(huge?.id ?? 0n, HUGE, null);
  for (const [i, { followers }] of AUDIENCES.entries())
    await audience(authors[i]?.id ?? 0n, followers - 1, readers[i]?.id ?? null);
  await sql`analyze`.execute(db);
  await storeTimelines(
    roost,
    Array.from({ length: 10_000 }, (_, n) => makeId(startMs + n, 0, 0)),
  );
  return {
    huge: huge?.token ?? "",
    pairs: authors.map(({ token }, i) => new Pair(token, readers[i]?.token ?? "")),
  };
}

/** Delays by audience. */
function sample(url: string, pairs: readonly Pair[], seconds: number): Promise<number[][]> {
  return Promise.all(
    AUDIENCES.map(async ({ postsPerSecond }, i) => {
      const running: Promise<number>[] = [];
      const startMs = performance.now();
      for (let n = 0; n < seconds * postsPerSecond; n++) {
        const waitMs = startMs + (n * 1000) / postsPerSecond - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        running.push((pairs[i] as Pair).postAndWait(url));
      }
      return Promise.all(running);
    }),
  );
}

/** One post to the million after another, until told to end. */
async function deliverLarge(url: string, token: string, ending: AbortSignal) {
  const durationsMs: number[] = [];
  const before = await deliveredBy(url, "large");
  const startMs = performance.now();
  while (!ending.aborted) {
    const postedMs = performance.now();
    await publish(url, token, "To everybody");
    const isDone = await untilDelivered(url, before + (durationsMs.length + 1) * HUGE, {
      lane: "large",
      ending,
    });
    if (isDone) durationsMs.push(performance.now() - postedMs);
  }
  const seconds = (performance.now() - startMs) / 1_000;
  return { durationsMs, deliveriesPerSecond: ((await deliveredBy(url, "large")) - before) / seconds };
}
