/** Events → notifications. Each at most once, however often its event is handled: a unique index sees to that. */
import { sql } from "kysely";
import type { DomainEvent } from "../core/events.ts";
import type { AccountId, NotificationId, StatusId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import type { StatusCache } from "../statuses/records.ts";

export const NOTIFICATION_TYPES = [
  "mention",
  "status",
  "reblog",
  "favourite",
  "follow",
  "follow_request",
  "update",
] as const;
export type NotificationType = (typeof NOTIFICATION_TYPES)[number];

export interface Wanted {
  readonly accountId: AccountId;
  readonly type: NotificationType;
  readonly fromId: AccountId;
  readonly statusId: StatusId | null;
}

export interface NotifyContext {
  readonly db: Db;
  readonly statuses: StatusCache;
}

/** Stores what the events give rise to; resolves to what is new. */
export async function notify(
  context: NotifyContext,
  events: readonly DomainEvent[],
): Promise<{ id: NotificationId; accountId: AccountId }[]> {
  const wanted = await wantedBy(context, events);
  if (wanted.length === 0) return [];
  // Blocks, mutes that hide notifications, and suspensions are looked at for all of them in the one statement.
  const { rows } = await sql<{ id: NotificationId; accountId: AccountId }>`
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
    on conflict do nothing returning id, account_id as "accountId"`.execute(context.db);
  return rows;
}

async function wantedBy(context: NotifyContext, events: readonly DomainEvent[]): Promise<Wanted[]> {
  const records = await context.statuses.getMany(
    events.flatMap((event) => ("statusId" in event ? [event.statusId] : [])),
  );
  const originals = await context.statuses.getMany(
    [...records.values()].flatMap(({ facts }) => (facts.reblogOfId === null ? [] : [facts.reblogOfId])),
  );
  const wanted: Wanted[] = [];
  const published: Published[] = [];
  for (const event of events) {
    switch (event.type) {
      case "account.followed":
        wanted.push({ accountId: event.targetId, type: "follow", fromId: event.accountId, statusId: null });
        break;
      case "account.follow-requested":
        wanted.push({
          accountId: event.targetId,
          type: "follow_request",
          fromId: event.accountId,
          statusId: null,
        });
        break;
      case "status.favourited": {
        const facts = records.get(event.statusId)?.facts;
        if (facts)
          wanted.push({
            accountId: facts.authorId,
            type: "favourite",
            fromId: event.accountId,
            statusId: facts.id,
          });
        break;
      }
      case "status.published": {
        const facts = records.get(event.statusId)?.facts;
        if (!facts) break;
        const fromId = facts.authorId;
        const original = facts.reblogOfId === null ? null : originals.get(facts.reblogOfId)?.facts;
        if (original)
          wanted.push({ accountId: original.authorId, type: "reblog", fromId, statusId: original.id });
        for (const accountId of facts.mentionIds)
          wanted.push({ accountId, type: "mention", fromId, statusId: facts.id });
        if (facts.visibility !== "direct") published.push({ fromId, statusId: facts.id });
        break;
      }
      case "status.edited": {
        const facts = records.get(event.statusId)?.facts;
        if (!facts) break;
        for (const accountId of facts.mentionIds) {
          wanted.push({ accountId, type: "mention", fromId: facts.authorId, statusId: facts.id });
        }
        wanted.push(...(await forBoosters(context.db, facts.authorId, facts.id)));
        break;
      }
      case "status.deleted":
        break;
    }
  }
  wanted.push(...(await forSubscribers(context.db, published)));
  return wanted;
}

interface Published {
  readonly fromId: AccountId;
  readonly statusId: StatusId;
}

const MAX_TOLD = 10_000;

/** Followers who asked to hear of every post. */
async function forSubscribers(db: Db, published: readonly Published[]): Promise<Wanted[]> {
  if (published.length === 0) return [];
  const { rows } = await sql<{ follower_id: AccountId; from_id: AccountId; status_id: StatusId }>`
    select f.follower_id, p.from_id, p.status_id
    from unnest(${published.map((one) => one.fromId)}::bigint[], ${published.map((one) => one.statusId)}::bigint[])
      as p (from_id, status_id)
    join follows f on f.followee_id = p.from_id and f.notify limit ${MAX_TOLD}`.execute(db);
  return rows.map((row) => ({
    accountId: row.follower_id,
    type: "status",
    fromId: row.from_id,
    statusId: row.status_id,
  }));
}

/** Who boosted a status that was edited since. */
async function forBoosters(db: Db, fromId: AccountId, statusId: StatusId): Promise<Wanted[]> {
  const { rows } = await sql<{ author_id: AccountId }>`
    select author_id from statuses where reblog_of_id = ${statusId} limit ${MAX_TOLD}`.execute(db);
  return rows.map((row) => ({ accountId: row.author_id, type: "update", fromId, statusId }));
}
