/** A home read that finds no stored timeline and builds it, against the SQL that defines what it must be. */
import { sql } from "kysely";
import { openRoost, type Roost } from "../src/composition.ts";
import { loadConfig } from "../src/config.ts";
import { readHomeTimeline } from "../src/feed/home-timeline.ts";
import { homeTimelineBySql } from "../src/feed/oracle.ts";
import type { Measured, Part } from "./report.ts";
import { type Account, makeAccounts, quantile, temporaryFolder } from "./support.ts";

const AUTHORS = 1_000;
const POSTS_EACH = 200;
const FOLLOWEES = 200;
const VIEWERS = 50;
const PAGE = { before: null, after: null, edge: "newest", limit: 20 } as const;

export const rebuild: Part = { rows: ["rebuild"], measure };

async function measure(): Promise<Measured> {
  using folder = temporaryFolder();
  const { config } = loadConfig({ DATA_DIR: folder.path, LOG_LEVEL: "error" }, {});
  await using roost = await openRoost(config, { roles: [] });
  const viewers = await fill(roost);
  const { home } = roost.api;
  const builds: number[] = [];
  const reads: number[] = [];
  const definitions: number[] = [];
  for (let round = 0; round < 4; round++) {
    for (const { id } of viewers) {
      await home.store.drop(id);
      const buildMs = await timed(() => readHomeTimeline(home, id, PAGE));
      const readMs = await timed(() => readHomeTimeline(home, id, PAGE));
      // The first round finds nothing in any cache, the database's own included.
      if (round === 0) continue;
      builds.push(buildMs);
      reads.push(readMs);
    }
  }
  for (const { id } of viewers.slice(0, 10)) {
    definitions.push(await timed(() => homeTimelineBySql(roost.database.db, id)));
  }
  return {
    conditions: `${FOLLOWEES} followees of ${AUTHORS} authors with ${POSTS_EACH} posts each, ${VIEWERS} viewers`,
    figures: [
      {
        row: "rebuild",
        measured: quantile(builds, 0.99),
        unit: "ms",
        heldAgainst: { what: "the defining SQL, p99", value: quantile(definitions, 0.99) },
      },
      { what: "the same read once it's stored, p99", measured: quantile(reads, 0.99), unit: "ms" },
    ],
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** Every viewer follows other authors; posts lie in random order over the last 30 days. */
async function fill(roost: Roost): Promise<Account[]> {
  const { db } = roost.database;
  const authors = await makeAccounts(roost, AUTHORS, "author");
  const viewers = await makeAccounts(roost, VIEWERS, "viewer");
  const authorIds = authors.map(({ id }) => id);
  for (const { id } of viewers) {
    await sql`insert into follows (follower_id, followee_id) select ${id}, author_id
      from (select author_id from unnest(${authorIds}::bigint[]) as a (author_id) order by random() limit ${FOLLOWEES}) f`.execute(
      db,
    );
  }
  await sql`
    insert into statuses (id, author_id, visibility, text, created_at)
    select distinct on (id) id, author_id, 0, 'A post of ordinary length, as people write them.', at from (
      select author_id, at,
        ((extract(epoch from at) * 1000)::bigint - 1420070400000) << 22 | (n % 4096) as id
      from unnest(${authorIds}::bigint[]) with ordinality as a (author_id, n),
        lateral (select now() - random() * interval '30 days' + a.n * interval '0 s' as at
          from generate_series(1, ${POSTS_EACH})) as t) as posts`.execute(db);
  await sql`analyze`.execute(db);
  return viewers;
}
