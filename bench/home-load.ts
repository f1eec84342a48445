/** Viewers with full home timelines, and reads of these in turn. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import type { Roost } from "../src/composition.ts";
import { makeId } from "../src/core/ids.ts";
import type { Load } from "./load.ts";
import type { Server } from "./processes.ts";
import { type Account, makeAccounts } from "./support.ts";

export const FOLLOWEES = 200;
export const VIEWERS = 50;
const POSTS_EACH = 20;
const TEXT =
  "A post of ordinary length, as people write them: a thought, a question, perhaps a link to https://example.org/read and a #tag at its end.";

/** Viewers who all follow the same authors, whose posts stand in the statuses table as if posted long ago. */
export async function fillHomes(roost: Roost): Promise<Account[]> {
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

const urlOf = (server: Server) => `${server.url}/api/v1/timelines/home`;

/** Reads of all viewers' homes in turn. */
export function readsOf(server: Server, viewers: readonly Account[]): Pick<Load, "url" | "each"> {
  let turn = 0;
  return {
    url: urlOf(server),
    each: (request) => {
      const viewer = viewers[turn++ % viewers.length] as Account;
      return { ...request, headers: { authorization: `Bearer ${viewer.token}` } };
    },
  };
}

/** Reads each viewer's home once, so that it's stored; keeps one page for the bare handler to send. */
export async function storeHomes(server: Server, viewers: readonly Account[], folder: string) {
  const pages = await Promise.all(
    viewers.map(async ({ token }) => {
      const answer = await fetch(urlOf(server), { headers: { authorization: `Bearer ${token}` } });
      const page = Buffer.from(await answer.arrayBuffer());
      const count = (JSON.parse(page.toString()) as unknown[]).length;
      if (count !== 20) throw new Error(`a page of 20 was expected, not ${count}`);
      return page;
    }),
  );
  const [page = Buffer.alloc(0)] = pages;
  const bodyFile = join(folder, "page.json");
  writeFileSync(bodyFile, page);
  return { bodyFile, pageKb: Math.round(page.length / 1024) };
}
