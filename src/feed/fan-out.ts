/**
 * Fan-out-on-write: an event becomes chunks of followers, in lanes by audience size; a chunk becomes deliveries.
 *
 * What is left out when writing is only what a change of relations brings back (see `repair.ts`): replies to accounts
 * the follower doesn't follow, boosts where the follow hides them, posts addressed to others. Blocks and mutes are
 * looked at when reading, since a mute that runs out brings nothing back but itself.
 */
import type { DomainEvent, FanOutChunk } from "../core/events.ts";
import { Gate } from "../core/gate.ts";
import { type AccountId, MAX_ID, type StatusId } from "../core/ids.ts";
import type { Database } from "../engines/database/pools.ts";
import type { TimelineStore } from "../engines/timeline-store/port.ts";
import type { StatusCache } from "../statuses/records.ts";
import { type FanOutModes, isPushed } from "./fan-out-mode.ts";

/** Lanes by audience: a small audience never waits behind a large one. */
export const LANES = ["small", "medium", "large"] as const;
export type Lane = (typeof LANES)[number];

export const CHUNK_FOLLOWERS = 1_000;
const MEDIUM_FOLLOWERS = 1_000;
const LARGE_FOLLOWERS = 10_000;

const EVERYBODY = { fromId: 0n, toId: MAX_ID };

export interface PlanContext {
  readonly database: Database;
  readonly statuses: StatusCache;
  readonly modes: FanOutModes;
  readonly thresholds: { readonly pullFromFollowers: number; readonly pushBelowFollowers: number };
}

export interface Plan {
  readonly chunks: { lane: Lane; chunk: FanOutChunk }[];
  /** Statuses of authors in pull mode: nothing is delivered, but open streams want to know. */
  readonly pulled: { statusId: StatusId; authorId: AccountId }[];
}

/** What is to be delivered for these events. Statuses deleted meanwhile need nothing. */
export async function planFanOut(context: PlanContext, events: readonly DomainEvent[]): Promise<Plan> {
  const wanted = events.filter(
    (event) => event.type === "status.published" || event.type === "status.edited",
  );
  const records = await context.statuses.getMany(wanted.map((event) => event.statusId));
  const plan: Plan = { chunks: [], pulled: [] };
  for (const event of wanted) {
    const facts = records.get(event.statusId)?.facts;
    // An edit changes who is addressed only where being mentioned decides it.
    if (!facts || (event.type === "status.edited" && facts.visibility !== "direct")) continue;
    const { statusId, authorId } = event;
    const audience = (await context.statuses.profiles.get(authorId))?.followersCount ?? 0;
    await adjustMode(context, authorId, audience);
    if (isPushed(await context.modes.all(), authorId, statusId)) {
      const lane = laneOf(audience);
      // Finding the pages of a million followers takes a second, in which the posts behind it would wait.
      if (lane === "large") {
        plan.chunks.push({ lane, chunk: { statusId, authorId, ...EVERYBODY, isWhole: true } });
        continue;
      }
      for (const range of await followerPages(context.database, authorId, audience)) {
        plan.chunks.push({ lane, chunk: { statusId, authorId, ...range } });
      }
    } else plan.pulled.push({ statusId, authorId });
  }
  return plan;
}

export function laneOf(audience: number): Lane {
  if (audience <= MEDIUM_FOLLOWERS) return "small";
  return audience <= LARGE_FOLLOWERS ? "medium" : "large";
}

/** The chunks of a whole audience, as it is now. */
export async function cutWhole(
  database: Database,
  { statusId, authorId }: FanOutChunk,
): Promise<FanOutChunk[]> {
  const pages = await followerPages(database, authorId, Number.POSITIVE_INFINITY);
  return pages.map((range) => ({ statusId, authorId, ...range }));
}

/** Two thresholds, so that an audience around one of them doesn't switch back and forth. */
async function adjustMode(
  { modes, thresholds }: PlanContext,
  authorId: AccountId,
  audience: number,
): Promise<void> {
  const current = (await modes.all()).get(authorId)?.current ?? "push";
  if (current === "push" && audience >= thresholds.pullFromFollowers) await modes.switchTo(authorId, "pull");
  if (current === "pull" && audience < thresholds.pushBelowFollowers) await modes.switchTo(authorId, "push");
}

/** Ranges of follower ids that together cover all ids, each with about a chunk of followers of now. */
async function followerPages(
  database: Database,
  authorId: AccountId,
  audience: number,
): Promise<{ fromId: AccountId; toId: AccountId }[]> {
  if (audience <= CHUNK_FOLLOWERS) return [EVERYBODY];
  const rows = await database.prepared<{ follower_id: AccountId }>(
    "follower_pages",
    `select follower_id from (
       select follower_id, row_number() over (order by follower_id) as place from follows where followee_id = $1) f
     where place % ${CHUNK_FOLLOWERS} = 0 order by follower_id`,
    [authorId],
  );
  const pages: { fromId: AccountId; toId: AccountId }[] = [];
  let fromId = 0n;
  for (const { follower_id } of rows) {
    pages.push({ fromId, toId: follower_id });
    fromId = follower_id + 1n;
  }
  pages.push({ fromId, toId: MAX_ID });
  return pages;
}

export interface DeliverContext {
  readonly database: Database;
  readonly store: TimelineStore;
  readonly statuses: StatusCache;
}

export interface Delivery {
  readonly statusId: StatusId;
  readonly authorId: AccountId;
  readonly viewers: readonly AccountId[];
}

/** A row a chunk: its followers as one array are read several times faster than a row each. */
const RECIPIENTS = `
  select c.place, array_agg(f.follower_id) as follower_ids
  from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::boolean[], $7::text[])
    as c (place, author_id, from_id, to_id, replied_id, is_reblog, addressed)
  join follows f on f.followee_id = c.author_id and f.follower_id between c.from_id and c.to_id
  where (not c.is_reblog or f.show_reblogs)
    and (c.replied_id is null or c.replied_id in (f.follower_id, c.author_id) or exists (
      select 1 from follows r where r.follower_id = f.follower_id and r.followee_id = c.replied_id))
    and (c.addressed is null or f.follower_id = any(c.addressed::bigint[]))
  group by c.place`;

/** Per worker. Redis runs all that it was sent by one of us before it looks at who else asks: readers wait for that. */
const APPENDS_AT_ONCE = 4;

/** Delivers chunks: one query for all their followers and filters, one append a chunk. Doing it twice is harmless. */
export async function deliverChunks(
  context: DeliverContext,
  chunks: readonly FanOutChunk[],
): Promise<Delivery[]> {
  const records = await context.statuses.getMany(chunks.map((chunk) => chunk.statusId));
  const alive = chunks.flatMap((chunk) => {
    const facts = records.get(chunk.statusId)?.facts;
    return facts ? [{ chunk, facts }] : [];
  });
  if (alive.length === 0) return [];
  const rows = await context.database.prepared<{ place: number; follower_ids: AccountId[] }>(
    "recipients",
    RECIPIENTS,
    [
      alive.map((_, place) => place),
      alive.map(({ chunk }) => chunk.authorId),
      alive.map(({ chunk }) => chunk.fromId),
      alive.map(({ chunk }) => chunk.toId),
      alive.map(({ facts }) => (facts.reblogOfId === null ? facts.inReplyToAccountId : null)),
      alive.map(({ facts }) => facts.reblogOfId !== null),
      alive.map(({ facts }) => (facts.visibility === "direct" ? `{${facts.mentionIds}}` : null)),
    ],
  );
  const viewers = new Map(rows.map((row) => [row.place, row.follower_ids]));
  const appending = new Gate({ concurrent: APPENDS_AT_ONCE, waiting: alive.length });
  return Promise.all(
    alive.map(async ({ chunk }, place) => {
      const own = viewers.get(place) ?? [];
      // The author's timeline has it since it was posted, unless the process that took the post ended just then.
      const appended = chunk.fromId === 0n ? [...own, chunk.authorId] : own;
      await appending.run(() => context.store.append(chunk.statusId, appended));
      return { statusId: chunk.statusId, authorId: chunk.authorId, viewers: own };
    }),
  );
}
