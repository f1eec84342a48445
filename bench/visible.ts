/** From the answer to a post until it's in a follower's home timeline, with the demo's accounts and follows. */
import { sql } from "kysely";
import { createAccessToken } from "../src/accounts/tokens.ts";
import type { Roost } from "../src/composition.ts";
import { loadDemo } from "../src/demo/load.ts";
import { prepare, type Row, startServer, temporaryFolder } from "./support.ts";

const PAIRS = 40;
const SAMPLES = 400;
const PER_SECOND = 20;
const GIVE_UP_MS = 10_000;

interface Pair {
  readonly author: string;
  readonly follower: string;
}

export async function benchVisible(): Promise<Row[]> {
  using folder = temporaryFolder();
  const pairs = await prepare(folder.path, fill);
  await using server = await startServer(folder.path);
  for (const { follower } of pairs) await home(server.url, follower);
  const delaysMs: number[] = [];
  const running: Promise<void>[] = [];
  const startMs = performance.now();
  for (let i = 0; i < SAMPLES; i++) {
    // By the clock, not by the answers: a slow one must not slow the load down.
    const waitMs = startMs + (i * 1000) / PER_SECOND - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const pair = pairs[i % pairs.length] as Pair;
    running.push(measure(server.url, pair, i).then((delayMs) => void delaysMs.push(delayMs)));
  }
  await Promise.all(running);
  delaysMs.sort((a, b) => a - b);
  const quantile = (q: number) => `${(delaysMs[Math.ceil(q * delaysMs.length) - 1] ?? 0).toFixed(1)} ms`;
  return [
    ["post → in a follower's home, p50", quantile(0.5)],
    ["p99 (target ≤ 200 ms)", quantile(0.99)],
    ["slowest", quantile(1)],
    ["samples", `${delaysMs.length}, ${PER_SECOND} posts/s, by ${PAIRS} authors of the demo`],
  ];
}

async function measure(url: string, { author, follower }: Pair, i: number): Promise<number> {
  const answer = await fetch(`${url}/api/v1/statuses`, {
    method: "POST",
    headers: { authorization: `Bearer ${author}`, "content-type": "application/json" },
    body: JSON.stringify({ status: `How long until you see this? Number ${i}.` }),
  });
  const { id } = (await answer.json()) as { id: string };
  const postedMs = performance.now();
  while (performance.now() - postedMs < GIVE_UP_MS) {
    if ((await home(url, follower)).some((status) => status.id === id)) return performance.now() - postedMs;
  }
  throw new Error(`a post wasn't visible after ${GIVE_UP_MS} ms`);
}

async function home(url: string, token: string): Promise<{ id: string }[]> {
  const answer = await fetch(`${url}/api/v1/timelines/home`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return (await answer.json()) as { id: string }[];
}

/** The demo's most followed authors, each with one of its followers. */
async function fill(roost: Roost): Promise<Pair[]> {
  await loadDemo(roost, { onProgress: () => {}, nowMs: Date.now() });
  const { db } = roost.database;
  const { rows } = await sql<{ author_id: bigint; follower_id: bigint }>`
    select c.account_id as author_id, f.follower_id from follow_counts c
    cross join lateral (select follower_id from follows where followee_id = c.account_id order by id limit 1) f
    order by c.followers_count desc limit ${PAIRS}`.execute(db);
  const tokenOf = async (accountId: bigint) =>
    (await createAccessToken(db, { accountId, appId: null, scopes: ["read", "write"] })).token;
  const pairs: Pair[] = [];
  for (const row of rows) {
    await sql`insert into credentials (account_id, email, password_hash, confirmed_at)
      select id, id || '@example.org', '-', now() from unnest(${[row.author_id, row.follower_id]}::bigint[]) as a (id)
      on conflict do nothing`.execute(db);
    pairs.push({ author: await tokenOf(row.author_id), follower: await tokenOf(row.follower_id) });
  }
  return pairs;
}
