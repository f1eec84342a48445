/** Authors with audiences of many sizes, and posts of theirs: for measuring fan-out. */
import { sql } from "kysely";
import type { Roost } from "../src/composition.ts";
import { type AccountId, makeId, type StatusId } from "../src/core/ids.ts";
import type { Db } from "../src/engines/database/pools.ts";
import { type Account, makeAccounts } from "./support.ts";

/**
 * Most have few followers, and a few have many; nobody follows two of them. At this rate each of so few timelines would
 * else get several posts in a blink, from different lanes and so out of order, as timelines of real people seldom do.
 */
const AUDIENCES = [
  { authors: 20, followers: 75 },
  { authors: 10, followers: 300 },
  { authors: 4, followers: 1_000 },
  { authors: 1, followers: 5_000 },
] as const;
const DAY_MS = 24 * 3600 * 1000;

export interface Audience {
  readonly authors: readonly Account[];
  readonly viewers: readonly AccountId[];
  /** Whom the others answer: half of the viewers follow it, and see the answers. */
  readonly answered: Account;
}

export interface Post {
  readonly id: StatusId;
  readonly authorId: AccountId;
}

/** Followers are ids without an account: fan-out asks for no more. */
export async function fillAudience(roost: Roost): Promise<Audience> {
  const { db } = roost.database;
  const startMs = Date.now() - 10 * DAY_MS;
  const sizes = AUDIENCES.flatMap(({ authors, followers }) => Array<number>(authors).fill(followers));
  const count = sizes.reduce((sum, size) => sum + size, 0);
  const viewers = Array.from({ length: count }, (_, i) => makeId(startMs + i, i % 1024, 0));
  const authors = await makeAccounts(roost, sizes.length, "author");
  const [answered] = (await makeAccounts(roost, 1, "answered")) as [Account];
  let from = 0;
  for (const [i, { id }] of authors.entries()) {
    const to = from + (sizes[i] ?? 0);
    await follow(db, id, viewers.slice(from, to));
    from = to;
  }
  const half = viewers.filter((_, i) => i % 2 === 0);
  await follow(db, answered.id, half);
  await sql`analyze`.execute(db);
  return { authors, viewers, answered };
}

async function follow(db: Db, authorId: AccountId, viewers: readonly AccountId[]): Promise<void> {
  await sql`insert into follows (follower_id, followee_id)
    select id, ${authorId} from unnest(${viewers}::bigint[]) as v (id)`.execute(db);
  await sql`insert into follow_counts (account_id, followers_count) values (${authorId}, ${viewers.length})`.execute(
    db,
  );
}

/**
 * Posts by all authors in turn, from `startMs` on: of ten, two are answers and one is a boost of the one before it.
 * Their events aren't told to anybody yet.
 */
export async function writePosts(
  { database: { db } }: Roost,
  { authors, answered }: Audience,
  count: number,
  startMs: number,
): Promise<Post[]> {
  const posts = Array.from({ length: count }, (_, n) => ({
    id: makeId(startMs + n, n % 1024, 0),
    // It has no divisor in common with their number: all come, mixed.
    authorId: (authors[(n * 37) % authors.length] as Account).id,
    atMs: startMs + n,
  }));
  const [first] = posts;
  const answers = posts.map((_, n) => n % 5 === 3);
  const boosts = posts.map((_, n) => n % 10 === 9);
  const each = <T>(flags: readonly boolean[], value: (n: number) => T | undefined) =>
    flags.map((flag, n) => (flag ? value(n) : null));
  await sql`insert into statuses (id, author_id, visibility, text, created_at, in_reply_to_id, in_reply_to_account_id,
      reblog_of_id, reblog_of_account_id)
    select id, author_id, 0, 'A post of ordinary length, as people write them.', to_timestamp(at_ms / 1000.0), reply,
      reply_author, boosted, boosted_author
    from unnest(${posts.map(({ id }) => id)}::bigint[], ${posts.map(({ authorId }) => authorId)}::bigint[],
      ${posts.map(({ atMs }) => atMs)}::float8[], ${each(answers, () => first?.id)}::bigint[],
      ${each(answers, () => answered.id)}::bigint[], ${each(boosts, (n) => posts[n - 1]?.id)}::bigint[],
      ${each(boosts, (n) => posts[n - 1]?.authorId)}::bigint[])
      as p (id, author_id, at_ms, reply, reply_author, boosted, boosted_author)`.execute(db);
  return posts;
}

/** To how many followers these posts must be delivered. */
export async function deliveriesOf({ database: { db } }: Roost, posts: readonly Post[]): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`
    select count(*) as count from statuses s join follows f on f.followee_id = s.author_id
    where s.id = any(${posts.map(({ id }) => id)}::bigint[]) and (s.in_reply_to_account_id is null or exists (
      select from follows r where r.follower_id = f.follower_id and r.followee_id = s.in_reply_to_account_id))`.execute(
    db,
  );
  return Number(rows[0]?.count ?? 0);
}
