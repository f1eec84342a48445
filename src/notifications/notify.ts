/** Events → notifications. Each at most once, however often its event is handled: a unique index sees to that. */
import { type RawBuilder, sql } from "kysely";
import {
  asRows,
  CAUSE_STANDS,
  lockTold,
  onlyCaused,
  onlyThose,
  type Told,
  takeBackElsewhere,
  through,
  toldOfFollow,
} from "../accounts/told.ts";
import type { DomainEvent } from "../core/events.ts";
import type { AccountId, NotificationId, StatusId } from "../core/ids.ts";
import { askingElsewhere } from "../engines/database/asking-elsewhere.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import type { StatusCache, StatusFacts } from "../statuses/records.ts";

export interface Created {
  readonly id: NotificationId;
  readonly accountId: AccountId;
}

export interface NotifyContext {
  readonly database: Database;
  readonly statuses: StatusCache;
}

/** Recipients that are found by reading the database, at a time. */
const PAGE = 5_000;

/** Stores what the events give rise to; yields what is new, page by page: an author can have many subscribers. */
export async function* notify(
  context: NotifyContext,
  events: readonly DomainEvent[],
  pageSize = PAGE,
): AsyncGenerator<Created[]> {
  const { database } = context;
  const facts = await factsOf(context.statuses, events);
  yield await insert(database, notificationsFor(events, facts));
  for await (const wanted of forBoosters(database, editedOf(events, facts), pageSize))
    yield await insert(database, wanted);
  for await (const wanted of forSubscribers(database.db, toldOf(events, facts), pageSize))
    yield await insert(database, wanted);
  await takeBackElsewhere(database, await undoneBy(database, events, facts));
  await removeOfDeleted(database, events);
}

type Facts = ReadonlyMap<StatusId, StatusFacts>;

/** Whom the events concern by what they say themselves. Whether each may be told is decided as they are stored. */
export function notificationsFor(events: readonly DomainEvent[], facts: Facts): Told[] {
  return events.flatMap((event) => wantedBy(event, facts));
}

function wantedBy(event: DomainEvent, facts: Facts): Told[] {
  switch (event.type) {
    case "account.followed":
      return [{ accountId: event.targetId, type: "follow", fromId: event.accountId, statusId: null }];
    case "account.follow-requested":
      return [{ accountId: event.targetId, type: "follow_request", fromId: event.accountId, statusId: null }];
    case "status.favourited": {
      const status = facts.get(event.statusId);
      if (!status) return [];
      const { id: statusId, authorId: accountId } = status;
      return [{ accountId, type: "favourite", fromId: event.accountId, statusId }];
    }
    case "status.published":
    case "status.edited": {
      const status = facts.get(event.statusId);
      return status ? [...mentionsOf(status), ...boostOf(status, facts)] : [];
    }
    case "status.unfavourited":
    case "status.deleted":
    case "account.unfollowed":
      return [];
  }
}

function mentionsOf(status: StatusFacts): Told[] {
  const { id: statusId, authorId: fromId } = status;
  return status.mentionIds.map((accountId) => ({ accountId, type: "mention", fromId, statusId }));
}

/** The boosted author hears of the boost, with the original as its status. */
function boostOf(status: StatusFacts, facts: Facts): Told[] {
  const original = status.reblogOfId === null ? undefined : facts.get(status.reblogOfId);
  if (!original) return [];
  return [{ accountId: original.authorId, type: "reblog", fromId: status.authorId, statusId: original.id }];
}

/** Subscribers hear of posts, not of boosts, nor of what is said to somebody else. */
function toldOf(events: readonly DomainEvent[], facts: Facts): StatusFacts[] {
  return events.flatMap((event) => {
    const status = event.type === "status.published" ? facts.get(event.statusId) : undefined;
    if (!status || status.visibility === "direct" || status.reblogOfId !== null) return [];
    const { inReplyToAccountId, authorId } = status;
    return inReplyToAccountId === null || inReplyToAccountId === authorId ? [status] : [];
  });
}

function editedOf(events: readonly DomainEvent[], facts: Facts): StatusFacts[] {
  return events.flatMap((event) => (event.type === "status.edited" ? (facts.get(event.statusId) ?? []) : []));
}

async function factsOf(statuses: StatusCache, events: readonly DomainEvent[]): Promise<Facts> {
  const records = await statuses.getMany(
    events.flatMap((event) => [
      ...("statusId" in event ? [event.statusId] : []),
      ...("reblogOfId" in event ? [event.reblogOfId] : []),
    ]),
  );
  const originals = await statuses.getMany(
    [...records.values()].flatMap(({ facts }) => facts.reblogOfId ?? []),
  );
  return new Map([...originals, ...records].map(([id, record]) => [id, record.facts]));
}

/** Under the locks of `told.ts`: what was undone meanwhile isn't stored, or is taken back by whoever undoes it. */
async function insert(database: Database, wanted: readonly Told[]): Promise<Created[]> {
  if (wanted.length === 0) return [];
  const { shards } = database;
  return shards.gatherBy(
    wanted,
    ({ accountId }) => accountId,
    ({ db }, own) =>
      askingElsewhere(shards, () =>
        db.transaction().execute(async (tx) => {
          await lockTold(tx, own);
          // In one database, one statement says which of them may be, and stores those.
          if (shards.isOne) return store(tx, own, sql`${ALLOWED} and ${CAUSE_STANDS}`);
          const allowed = await onlyThose(through({ db, tx }, database.db), own, ALLOWED);
          return store(tx, await onlyCaused(database, allowed, { db, tx }), sql`true`);
        }),
      ),
  );
}

/** Blocks, mutes that hide notifications, and suspensions: what the directory says. */
const ALLOWED = sql`w.account_id <> w.from_id
  and not exists (select 1 from blocks b where (b.account_id = w.account_id and b.target_id = w.from_id)
    or (b.account_id = w.from_id and b.target_id = w.account_id))
  and not exists (select 1 from mutes m where m.account_id = w.account_id and m.target_id = w.from_id
    and m.hide_notifications and (m.expires_at is null or m.expires_at > now()))
  and exists (select 1 from accounts a where a.id = w.from_id and a.suspended_at is null)
  and exists (select 1 from accounts a where a.id = w.account_id and a.suspended_at is null)`;

/** Ids as everything that an account owns: those of two databases never meet. */
async function store(db: Db, wanted: readonly Told[], condition: RawBuilder<unknown>): Promise<Created[]> {
  if (wanted.length === 0) return [];
  const { rows } = await sql<Created>`
    insert into notifications (id, account_id, type, from_account_id, status_id) overriding system value
    select next_id(w.shard), w.account_id, w.type, w.from_id, w.status_id from ${asRows(wanted)}
    where ${condition} order by w.place
    on conflict (account_id, type, from_account_id, coalesce(status_id, 0)) do nothing
    returning id, account_id as "accountId"`.execute(db);
  return rows;
}

/** What may have ended that was told in another database than the one that the ending was written in. */
async function undoneBy(database: Database, events: readonly DomainEvent[], facts: Facts): Promise<Told[]> {
  const undone = events.flatMap((event): Told[] => {
    switch (event.type) {
      case "account.unfollowed":
        return toldOfFollow(event.accountId, event.targetId);
      case "status.unfavourited":
        return toldOfReaction("favourite", event.accountId, facts.get(event.statusId));
      case "status.deleted":
        return event.reblogOfId === undefined
          ? []
          : toldOfReaction("reblog", event.authorId, facts.get(event.reblogOfId));
      default:
        return [];
    }
  });
  return [...undone, ...(await noLongerMentioned(database, editedOf(events, facts)))];
}

/** Of a status that is gone, everything is gone. */
function toldOfReaction(
  type: "favourite" | "reblog",
  fromId: AccountId,
  status: StatusFacts | undefined,
): Told[] {
  return status ? [{ accountId: status.authorId, type, fromId, statusId: status.id }] : [];
}

/** In one database the edit itself has taken it back. */
async function noLongerMentioned({ shards }: Database, edited: readonly StatusFacts[]): Promise<Told[]> {
  if (shards.isOne || edited.length === 0) return [];
  const mentioned = new Map(edited.map((status) => [status.id, status]));
  const told = await shards.gather(async ({ db }) => {
    const { rows } = await sql<{ account_id: AccountId; status_id: StatusId }>`
      select account_id, status_id from notifications
      where status_id = any(${[...mentioned.keys()]}::bigint[]) and type = 'mention'`.execute(db);
    return rows;
  });
  return told.flatMap(({ account_id: accountId, status_id: statusId }): Told[] => {
    const status = mentioned.get(statusId);
    if (!status || status.mentionIds.includes(accountId)) return [];
    return [{ accountId, type: "mention", fromId: status.authorId, statusId }];
  });
}

/** Followers who asked to hear of every post. */
async function* forSubscribers(
  db: Db,
  published: readonly StatusFacts[],
  pageSize: number,
): AsyncGenerator<Told[]> {
  let last = { status_id: 0n, follower_id: 0n };
  while (published.length > 0) {
    const { rows } = await sql<{ status_id: StatusId; from_id: AccountId; follower_id: AccountId }>`
      select p.status_id, p.from_id, f.follower_id
      from unnest(${published.map((one) => one.id)}::bigint[], ${published.map((one) => one.authorId)}::bigint[])
        as p (status_id, from_id)
      join follows f on f.followee_id = p.from_id and f.notify
      where (p.status_id, f.follower_id) > (${last.status_id}, ${last.follower_id})
      order by p.status_id, f.follower_id limit ${pageSize}`.execute(db);
    yield rows.map(({ follower_id: accountId, from_id: fromId, status_id: statusId }) => {
      return { accountId, type: "status", fromId, statusId };
    });
    last = rows.at(-1) ?? last;
    if (rows.length < pageSize) return;
  }
}

/** Who boosted a status that was edited since, one database after another. */
async function* forBoosters(
  { shards }: Database,
  edited: readonly StatusFacts[],
  pageSize: number,
): AsyncGenerator<Told[]> {
  for (const { db } of shards.all) yield* forBoostersIn(db, edited, pageSize);
}

async function* forBoostersIn(
  db: Db,
  edited: readonly StatusFacts[],
  pageSize: number,
): AsyncGenerator<Told[]> {
  const authors = new Map(edited.map((status) => [status.id, status.authorId]));
  let last = { reblog_of_id: 0n, id: 0n };
  while (authors.size > 0) {
    const { rows } = await sql<{ reblog_of_id: StatusId; id: StatusId; author_id: AccountId }>`
      select reblog_of_id, id, author_id from statuses
      where reblog_of_id = any(${[...authors.keys()]}::bigint[])
        and (reblog_of_id, id) > (${last.reblog_of_id}, ${last.id})
      order by reblog_of_id, id limit ${pageSize}`.execute(db);
    yield rows.flatMap(({ reblog_of_id: statusId, author_id: accountId }) => {
      const fromId = authors.get(statusId);
      return fromId === undefined ? [] : [{ accountId, type: "update", fromId, statusId }];
    });
    last = rows.at(-1) ?? last;
    if (rows.length < pageSize) return;
  }
}

/** A notification stored while its status was being deleted is missed by the deletion; the event of it comes after. */
async function removeOfDeleted({ shards }: Database, events: readonly DomainEvent[]): Promise<void> {
  const ids = events.flatMap((event) => (event.type === "status.deleted" ? [event.statusId] : []));
  if (ids.length === 0) return;
  await shards.gather(async ({ db }) => {
    await sql`delete from notifications where status_id = any(${ids}::bigint[])`.execute(db);
    return [];
  });
}
