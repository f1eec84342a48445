/** Candidates straight from the statuses: what a timeline is built from, and what lies below a stored one. */
import type { AccountId, StatusId } from "../core/ids.ts";
import { descending } from "../core/ids.ts";
import type { Database } from "../engines/database/pools.ts";
import { byItself } from "../engines/database/shards.ts";
import type { Relations } from "../relations/relations.ts";

export interface CandidateScope {
  readonly viewerId: AccountId;
  /** Whose statuses count, the viewer included where they do. */
  readonly authorIds: readonly AccountId[];
  /** Of these, whose boosts don't show. */
  readonly withoutReblogsIds: readonly AccountId[];
  /** Replies to these accounts show; null shows all replies. */
  readonly repliedIds: readonly AccountId[] | null;
}

/** `entries` are complete from `floor` up; a floor of 0 says there is nothing below. */
export interface CandidateWindow {
  readonly entries: StatusId[];
  readonly floor: StatusId;
}

export function homeScope(relations: Relations): CandidateScope {
  const withoutReblogsIds: AccountId[] = [];
  for (const [id, { showReblogs }] of relations.following) if (!showReblogs) withoutReblogsIds.push(id);
  const authorIds = [...relations.following.keys(), relations.viewerId];
  return { viewerId: relations.viewerId, authorIds, withoutReblogsIds, repliedIds: authorIds };
}

const MIN_PER_AUTHOR = 4;

/** Rules that need nothing but the index's own columns; the rest is left to the reader. */
const RULES = `
  (s.visibility <> 3 or s.author_id = $5 or exists (
    select 1 from status_mentions m where m.status_id = s.id and m.account_id = $5))
  and (s.author_id = $5 or case when s.reblog_of_id is not null then s.author_id <> all($6::bigint[])
    else s.in_reply_to_account_id is null or $7::bigint[] is null or s.in_reply_to_account_id = any($7::bigint[]) end)`;

const BELOW = `
  select c.author_id, c.id from unnest($1::bigint[]) as a (id)
  cross join lateral (
    select s.author_id, s.id from statuses s
    where s.author_id = a.id and s.id < $2 and s.id >= $3 and ${RULES}
    order by s.id desc limit $4) c`;

const ABOVE = `
  select c.author_id, c.id from unnest($1::bigint[]) as a (id)
  cross join lateral (
    select s.author_id, s.id from statuses s
    where s.author_id = a.id and s.id < $2 and s.id > $3 and ${RULES}
    order by s.id limit $4) c`;

const TOP = (1n << 63n) - 1n;

/**
 * The newest candidates below `before`, at least `wanted` of them unless the end is reached. Asks every author for a
 * few: where one had more, the answer is complete only down to the last of that author's, and that is the floor. When
 * too few lie above it, the next round starts there. So the work follows what is wanted, not what has been written.
 */
export async function candidatesBelow(
  database: Database,
  scope: CandidateScope,
  before: StatusId | null,
  wanted: number,
): Promise<CandidateWindow> {
  const entries: StatusId[] = [];
  let top = before ?? TOP;
  let perAuthor = Math.max(MIN_PER_AUTHOR, Math.ceil((2 * wanted) / Math.max(1, scope.authorIds.length)));
  for (;;) {
    const range = [top, 0n, perAuthor, scope.viewerId, scope.withoutReblogsIds, scope.repliedIds];
    const rows = await database.shards.gatherBy(scope.authorIds, byItself, (shard, authorIds) =>
      shard.readNow((database) =>
        database.prepared<CandidateRow>("candidates_below", BELOW, [authorIds, ...range]),
      ),
    );
    const floor = completeDownTo(rows, perAuthor);
    rows.sort((a, b) => descending(a.id, b.id));
    for (const row of rows) if (row.id >= floor) entries.push(row.id);
    if (floor === 0n || entries.length >= wanted) return { entries, floor };
    top = floor;
    perAuthor = Math.min(wanted, perAuthor * 2);
  }
}

/** The oldest candidates above `after` and below `before`, oldest first, `limit` at most. */
export async function candidatesAbove(
  database: Database,
  scope: CandidateScope,
  range: { after: StatusId; before: StatusId | null },
  limit: number,
): Promise<StatusId[]> {
  const { viewerId, withoutReblogsIds, repliedIds } = scope;
  const values = [range.before ?? TOP, range.after, limit, viewerId, withoutReblogsIds, repliedIds];
  const rows = await database.shards.gatherBy(scope.authorIds, byItself, (shard, authorIds) =>
    shard.readNow((database) =>
      database.prepared<CandidateRow>("candidates_above", ABOVE, [authorIds, ...values]),
    ),
  );
  return rows
    .map((row) => row.id)
    .sort((a, b) => descending(b, a))
    .slice(0, limit);
}

/**
 * What following `targetId` brings in, newest first, down to `floor` or to `limit` entries: its statuses, and replies
 * to it by accounts that were followed before.
 */
export async function candidatesOfFollow(
  database: Database,
  relations: Relations,
  targetId: AccountId,
  floor: StatusId,
  limit: number,
): Promise<StatusId[]> {
  // The target among the followed ones: its database is asked for its own statuses too.
  const authorIds = [...new Set([targetId, ...relations.following.keys()])];
  const rows = await database.shards.gatherBy(authorIds, byItself, (shard, ids) =>
    shard.prepared<{ id: StatusId }>("candidates_follow", FOLLOWED, [targetId, floor, ids, limit]),
  );
  return rows
    .map((row) => row.id)
    .sort(descending)
    .slice(0, limit);
}

const FOLLOWED = `select id from statuses where author_id = $1 and id >= $2
     union select id from statuses
       where in_reply_to_account_id = $1 and id >= $2 and author_id = any($3::bigint[])
     order by id desc limit $4`;

interface CandidateRow {
  author_id: AccountId;
  id: StatusId;
}

/** Highest last id among the authors that gave all they were asked for; 0 when none did. */
function completeDownTo(rows: readonly CandidateRow[], perAuthor: number): StatusId {
  const given = new Map<AccountId, { count: number; last: StatusId }>();
  for (const { author_id, id } of rows) {
    const author = given.get(author_id);
    if (!author) given.set(author_id, { count: 1, last: id });
    else {
      author.count++;
      if (id < author.last) author.last = id;
    }
  }
  let floor = 0n;
  for (const { count, last } of given.values()) if (count >= perAuthor && last > floor) floor = last;
  return floor;
}
