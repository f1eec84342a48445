/** From the answer to a post until it's in a follower's home timeline, with the demo's accounts and follows. */
import { sql } from "kysely";
import { createAccessToken } from "../src/accounts/tokens.ts";
import type { Roost } from "../src/composition.ts";
import { loadDemo } from "../src/demo/load.ts";
import { startServer } from "./processes.ts";
import type { Measured, Part } from "./report.ts";
import { prepare, quantile, temporaryFolder } from "./support.ts";
import { Pair } from "./visible-post.ts";

const PAIRS = 40;
const POSTS_PER_SECOND = 20;

export const visible: Part = { rows: [], measure };

async function measure(seconds: number): Promise<Measured> {
  using folder = temporaryFolder();
  const settings = { DATA_DIR: folder.path };
  const pairs = await prepare(settings, fill);
  await using server = await startServer(settings);
  for (const pair of pairs) await pair.read(server.url);
  const running: Promise<number>[] = [];
  const startMs = performance.now();
  for (let i = 0; i < seconds * POSTS_PER_SECOND; i++) {
    // By the clock, not by the answers: a slow one must not slow the load down.
    const waitMs = startMs + (i * 1000) / POSTS_PER_SECOND - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    running.push((pairs[i % pairs.length] as Pair).postAndWait(server.url));
  }
  const delaysMs = await Promise.all(running);
  return {
    conditions: `${delaysMs.length} posts, ${POSTS_PER_SECOND}/s, by the ${PAIRS} most followed authors of the demo`,
    figures: [
      { what: "post → in a follower's home, p50", measured: quantile(delaysMs, 0.5), unit: "ms" },
      { what: "p99", measured: quantile(delaysMs, 0.99), unit: "ms" },
      { what: "slowest", measured: quantile(delaysMs, 1), unit: "ms" },
    ],
  };
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
    pairs.push(new Pair(await tokenOf(row.author_id), await tokenOf(row.follower_id)));
  }
  return pairs;
}
