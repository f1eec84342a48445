/** Events → notifications. Each at most once, however often its event is handled: a unique index sees to that. */
import { sql } from "kysely";
import type { DomainEvent } from "../core/events.ts";
import type { AccountId, NotificationId, StatusId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import type { StatusCache, StatusFacts } from "../statuses/records.ts";

export type NotificationType =
  | "mention"
  | "status"
  | "reblog"
  | "favourite"
  | "follow"
  | "follow_request"
  | "update";

export interface Wanted {
  readonly accountId: AccountId;
  readonly type: NotificationType;
  readonly fromId: AccountId;
  readonly statusId: StatusId | null;
}

export interface Created {
  readonly id: NotificationId;
  readonly accountId: AccountId;
}

export interface NotifyContext {
  readonly db: Db;
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
  const { db } = context;
  const facts = await factsOf(context.statuses, events);
  yield await insert(db, notificationsFor(events, facts));
  for await (const wanted of forBoosters(db, editedOf(events, facts), pageSize))
    yield await insert(db, wanted);
  for await (const wanted of forSubscribers(db, toldOf(events, facts), pageSize))
    yield await insert(db, wanted);
  await removeOfDeleted(db, events);
}

type Facts = ReadonlyMap<StatusId, StatusFacts>;

/** Whom the events concern by what they say themselves. Whether each may be told is decided as they are stored. */
export function notificationsFor(events: readonly DomainEvent[], facts: Facts): Wanted[] {
  return events.flatMap((event) => wantedBy(event, facts));
}

function wantedBy(event: DomainEvent, facts: Facts): Wanted[] {
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
    case "status.deleted":
      return [];
  }
}

function mentionsOf(status: StatusFacts): Wanted[] {
  const { id: statusId, authorId: fromId } = status;
  return status.mentionIds.map((accountId) => ({ accountId, type: "mention", fromId, statusId }));
}

/** The boosted author hears of the boost, with the original as its status. */
function boostOf(status: StatusFacts, facts: Facts): Wanted[] {
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
    events.flatMap((event) => ("statusId" in event ? [event.statusId] : [])),
  );
  const originals = await statuses.getMany(
    [...records.values()].flatMap(({ facts }) => facts.reblogOfId ?? []),
  );
  return new Map([...originals, ...records].map(([id, record]) => [id, record.facts]));
}

/** Blocks, mutes that hide notifications, and suspensions are looked at for all of them in the one statement. */
async function insert(db: Db, wanted: readonly Wanted[]): Promise<Created[]> {
  if (wanted.length === 0) return [];
  const { rows } = await sql<Created>`
    insert into notifications (account_id, type, from_account_id, status_id)
    select w.account_id, w.type, w.from_id, w.status_id
    from unnest(${wanted.map((one) => one.accountId)}::bigint[], ${wanted.map((one) => one.type)}::text[],
      ${wanted.map((one) => one.fromId)}::bigint[], ${wanted.map((one) => one.statusId)}::bigint[])
      with ordinality as w (account_id, type, from_id, status_id, place)
    where w.account_id <> w.from_id
      and not exists (select 1 from blocks b where (b.account_id = w.account_id and b.target_id = w.from_id)
        or (b.account_id = w.from_id and b.target_id = w.account_id))
      and not exists (select 1 from mutes m where m.account_id = w.account_id and m.target_id = w.from_id
        and m.hide_notifications and (m.expires_at is null or m.expires_at > now()))
      and exists (select 1 from accounts a where a.id = w.from_id and a.suspended_at is null)
      and exists (select 1 from accounts a where a.id = w.account_id and a.suspended_at is null)
      and (w.status_id is null or exists (select 1 from statuses s where s.id = w.status_id))
      and (w.type <> 'follow_request' or exists (select 1 from follow_requests r
        where r.requester_id = w.from_id and r.target_id = w.account_id))
    order by w.place
    on conflict do nothing returning id, account_id as "accountId"`.execute(db);
  return rows;
}

/** Followers who asked to hear of every post. */
async function* forSubscribers(
  db: Db,
  published: readonly StatusFacts[],
  pageSize: number,
): AsyncGenerator<Wanted[]> {
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

/** Who boosted a status that was edited since. */
async function* forBoosters(
  db: Db,
  edited: readonly StatusFacts[],
  pageSize: number,
): AsyncGenerator<Wanted[]> {
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
async function removeOfDeleted(db: Db, events: readonly DomainEvent[]): Promise<void> {
  const ids = events.flatMap((event) => (event.type === "status.deleted" ? [event.statusId] : []));
  if (ids.length === 0) return;
  await sql`delete from notifications where status_id = any(${ids}::bigint[])`.execute(db);
}
