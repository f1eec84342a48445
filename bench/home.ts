/** Warm reads of a home timeline, against a bare handler of the same framework that sends the same bytes. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { freePort } from "../src/cluster/process.ts";
import { hasRedis, startRedis } from "../src/cluster/redis.ts";
import type { Roost } from "../src/composition.ts";
import { makeId } from "../src/core/ids.ts";
import {
  type Account,
  makeAccounts,
  median,
  perSecond,
  prepare,
  type Row,
  requestsPerSecond,
  residentMb,
  startServer,
  temporaryFolder,
  untilAnswering,
} from "./support.ts";

const FOLLOWEES = 200;
const POSTS_EACH = 20;
const VIEWERS = 50;
const CONNECTIONS = 16;
const ROUNDS = 3;
const TEXT =
  "A post of ordinary length, as people write them: a thought, a question, perhaps a link to https://example.org/read and a #tag at its end.";

export async function benchHome(seconds: number): Promise<Row[]> {
  using folder = temporaryFolder();
  const viewers = await prepare(folder.path, fill);
  const alone = await measure(folder.path, viewers, seconds);
  await using redis = hasRedis()
    ? await startRedis({ form: "single", folder: join(folder.path, "redis") })
    : null;
  const shared = redis && (await measure(folder.path, viewers, seconds, { REDIS_URL: redis.url }));
  return [
    ["page", `20 statuses, ${alone.pageKb} kB, ${FOLLOWEES} followees, ${VIEWERS} viewers`],
    ["warm home reads", perSecond(alone.rate)],
    ["bare handler, same bytes", perSecond(alone.bare)],
    ["ratio (target ≥ 0.5)", alone.ratio.toFixed(2)],
    ["home read p99", `${alone.p99Ms} ms at ${CONNECTIONS} connections`],
    ["resident under load (target ≤ 150 MB)", `${alone.residentMb ?? "?"} MB`],
    ...(shared
      ? ([
          ["warm home reads, with Redis", perSecond(shared.rate)],
          ["ratio to the bare handler", shared.ratio.toFixed(2)],
          ["home read p99", `${shared.p99Ms} ms`],
        ] as const)
      : []),
  ];
}

async function measure(
  dataDir: string,
  viewers: readonly Account[],
  seconds: number,
  env: Record<string, string> = {},
) {
  await using server = await startServer(dataDir, env);
  const target = `${server.url}/api/v1/timelines/home`;
  const pages = await Promise.all(viewers.map((viewer) => readPage(target, viewer)));
  const bodyFile = join(dataDir, "page.json");
  writeFileSync(bodyFile, pages[0] ?? "");
  await using bare = await startBare(bodyFile);
  let turn = 0;
  const home = {
    url: target,
    seconds,
    connections: CONNECTIONS,
    each: (request: object) => {
      const viewer = viewers[turn++ % viewers.length] as Account;
      return { ...request, headers: { authorization: `Bearer ${viewer.token}` } };
    },
  };
  const rates: { roost: number; bare: number; p99Ms: number }[] = [];
  await requestsPerSecond({ ...home, seconds: 2 });
  for (let round = 0; round < ROUNDS; round++) {
    const limit = await requestsPerSecond({ ...home, url: bare.url });
    const own = await requestsPerSecond(home);
    rates.push({ roost: own.rate, bare: limit.rate, p99Ms: own.p99Ms });
  }
  return {
    pageKb: Math.round((pages[0]?.length ?? 0) / 1024),
    rate: median(rates.map((rate) => rate.roost)),
    bare: median(rates.map((rate) => rate.bare)),
    ratio: median(rates.map((rate) => rate.roost / rate.bare)),
    p99Ms: median(rates.map((rate) => rate.p99Ms)),
    residentMb: residentMb(server.pid),
  };
}

async function readPage(url: string, viewer: Account): Promise<Buffer> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${viewer.token}` } });
  const page = Buffer.from(await answer.arrayBuffer());
  const count = (JSON.parse(page.toString()) as unknown[]).length;
  if (count !== 20) throw new Error(`a page of 20 was expected, not ${count}`);
  return page;
}

async function startBare(bodyFile: string) {
  const port = await freePort();
  const script = fileURLToPath(new URL("./bare-handler.ts", import.meta.url));
  const child = spawn(process.execPath, [script, `${port}`, bodyFile], { stdio: "inherit" });
  return untilAnswering(child, `http://127.0.0.1:${port}`, "/");
}

/** Viewers who all follow the same authors, whose posts stand in the statuses table as if posted long ago. */
async function fill(roost: Roost): Promise<Account[]> {
  const authors = await makeAccounts(roost, FOLLOWEES, "author");
  const viewers = await makeAccounts(roost, VIEWERS, "viewer");
  const { db } = roost.database;
  const authorIds = authors.map((author) => author.id);
  for (const viewer of viewers) {
    await sql`insert into follows (follower_id, followee_id)
      select ${viewer.id}, id from unnest(${authorIds}::bigint[]) as a (id)`.execute(db);
  }
  const startMs = Date.now() - 3_600_000;
  const posts = authorIds.flatMap((authorId, i) =>
    Array.from({ length: POSTS_EACH }, (_, n) => ({
      authorId,
      atMs: startMs + (n * FOLLOWEES + i) * 500,
      i,
    })),
  );
  await sql`insert into statuses (id, author_id, visibility, text, created_at)
    select p.id, p.author_id, 0, ${TEXT}, to_timestamp(p.at_ms / 1000.0)
    from unnest(${posts.map((post) => makeId(post.atMs, post.i % 1024, 0))}::bigint[],
      ${posts.map((post) => post.authorId)}::bigint[], ${posts.map((post) => post.atMs)}::float8[]) as p (id, author_id, at_ms)`.execute(
    db,
  );
  await sql`analyze`.execute(db);
  return viewers;
}
