import { sql } from "kysely";
import { invariant, NotFound } from "../core/errors.ts";
import { type AccountId, type StatusId, shardOfId } from "../core/ids.ts";
import { appendToOutbox } from "../engines/event-log/outbox.ts";
import { requireVisible } from "./access.ts";
import type { StatusesContext } from "./context.ts";
import { settleNow } from "./reactions.ts";
import type { StatusRecord } from "./records.ts";
import { remove } from "./remove.ts";
import { countsForAll, type Visibility, visibilityCode } from "./visibility.ts";
import { visibleOrWithheld } from "./withheld.ts";

/** Boosts, once: a second call gives the boost there is. Resolves to the boost. */
export async function boost(
  context: StatusesContext,
  authorId: AccountId,
  statusId: StatusId,
  visibility: Visibility,
): Promise<StatusRecord> {
  const original = await boostable(context, authorId, statusId);
  const { facts } = original;
  const shown: Visibility = facts.visibility === "private" ? "private" : visibility;
  const { shards } = context.database;
  const isNear = shards.areTogether(facts.id, authorId);
  const created = await shards
    .of(authorId)
    .db.transaction()
    .execute(async (tx) => {
      const { rows } = await sql<{ id: StatusId }>`
      with new as materialized (select next_id(${shardOfId(authorId)}) as id),
      status as (
        insert into statuses (id, author_id, visibility, reblog_of_id, reblog_of_account_id, created_at)
        select id, ${authorId}, ${visibilityCode(shown)}, ${facts.id}, ${facts.authorId},
          to_timestamp(((id >> 22) + 1420070400000) / 1000.0) from new
        where ${!isNear} or exists (select 1 from statuses where id = ${facts.id} for key share)
        on conflict (author_id, reblog_of_id) where reblog_of_id is not null do nothing returning id),
      counted as (
        insert into author_counts (account_id, statuses_count, last_status_at) select ${authorId}, 1, now() from status
        on conflict (account_id) do update set
          statuses_count = author_counts.statuses_count + 1, last_status_at = now()),
      boosted as (
        insert into status_counts (status_id, reblogs_count) select ${facts.id}, 1 from status
        where ${isNear && countsForAll(shown)}
        on conflict (status_id) do update set reblogs_count = status_counts.reblogs_count + 1)
      select id from status`.execute(tx);
      const id = rows[0]?.id;
      if (id !== undefined)
        await appendToOutbox(tx, authorId, {
          type: "status.published",
          statusId: id,
          authorId,
          ...(isNear ? {} : { isFar: true as const }),
        });
      return id;
    });
  const id = created ?? (await existingBoost(context, authorId, facts.id));
  if (created !== undefined) {
    await settleNow(context.database, [{ kind: "reblog", statusId: facts.id, sourceId: created }]);
    await context.invalidate({
      counts: [authorId],
      authorTimelines: [authorId],
      statuses: [facts.id],
      marks: [authorId],
    });
    await context.showToAuthor(created, authorId);
    context.wakeEventLog();
  } else {
    // Who made it may have ended before it told anybody.
    await context.tellWrite(authorId, "own");
  }
  const record = await context.statuses.get(id);
  invariant(record, "a boost just made can't be read");
  return record;
}

/** Takes a boost back, of whatever has become of the original; none is fine. Resolves to the original. */
export async function unboost(
  context: StatusesContext,
  authorId: AccountId,
  statusId: StatusId,
): Promise<StatusRecord> {
  const asked = await context.statuses.get(statusId);
  if (!asked) throw new NotFound();
  const originalId = asked.facts.reblogOfId ?? asked.facts.id;
  const { db } = context.database.shards.of(authorId);
  const own = await db
    .selectFrom("statuses")
    .select("id")
    .where("author_id", "=", authorId)
    .where("reblog_of_id", "=", originalId)
    .executeTakeFirst();
  if (own) {
    await remove(context, authorId, own.id);
    return visibleOrWithheld(context, originalId, authorId);
  }
  await requireVisible(context, statusId, authorId);
  await context.tellWrite(authorId, "own");
  return requireVisible(context, originalId, authorId);
}

/** The original, if this account may boost it: public, unlisted, or its own followers-only post. */
async function boostable(context: StatusesContext, authorId: AccountId, id: StatusId): Promise<StatusRecord> {
  const asked = await requireVisible(context, id, authorId);
  const original =
    asked.facts.reblogOfId === null ? asked : await requireVisible(context, asked.facts.reblogOfId, authorId);
  const { visibility } = original.facts;
  const isOwn = original.facts.authorId === authorId;
  const relations = await context.relations.of(authorId);
  if (visibility === "direct" || (visibility === "private" && !isOwn)) throw new NotFound();
  if (relations.blocking.has(original.facts.authorId)) throw new NotFound();
  return original;
}

async function existingBoost(
  context: StatusesContext,
  authorId: AccountId,
  originalId: StatusId,
): Promise<StatusId> {
  const { db } = context.database.shards.of(authorId);
  const existing = await db
    .selectFrom("statuses")
    .select("id")
    .where("author_id", "=", authorId)
    .where("reblog_of_id", "=", originalId)
    .executeTakeFirst();
  // Neither inserted nor there: the original was deleted at this moment.
  if (!existing) throw new NotFound();
  return existing.id;
}
