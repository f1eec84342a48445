import { CompiledQuery } from "kysely";
import { Invalid, invariant } from "../core/errors.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import { descending, timeOfIdMs } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import type { StatusesContext } from "./context.ts";
import { checkMedia, checkText, type Draft, replyTarget } from "./draft.ts";
import { type Inserted, insertWithin, isSensitive, type NewStatus } from "./insert.ts";
import type { StatusRow } from "./queries.ts";
import { settleNow } from "./reactions.ts";
import { StatusRecord } from "./records.ts";
import { tagKey } from "./text/tags.ts";
import { visibilityCode } from "./visibility.ts";

export interface Publication {
  readonly authorId: AccountId;
  readonly draft: Draft;
  readonly application: { readonly name: string; readonly website: string | null } | null;
  /** Per author: the same key within an hour gives the same status. */
  readonly idempotencyKey: string | null;
}

/**
 * Publishes. The status, its mentions and tags, the counts and the event commit together; when this resolves they
 * will be in every follower's timeline, whatever is killed from here on.
 */
export async function publish(context: StatusesContext, publication: Publication): Promise<StatusRecord> {
  const { authorId, draft } = publication;
  const repeated = await findByIdempotencyKey(context, publication);
  if (repeated) return toldAgain(context, authorId, repeated);
  const hasMedia = draft.mediaIds.length > 0;
  const checked = await checkText(context, { text: draft.text, spoilerText: draft.spoilerText, hasMedia });
  const target = await replyTarget(context, authorId, draft.inReplyToId);
  await checkMedia(context, authorId, draft.mediaIds);
  const status: NewStatus = { ...publication, checked, target };
  using filling = context.statuses.fill();
  const inserted = await (hasMedia ? insertWithMedia(context, status) : context.inserter.add(status));
  if (!inserted) {
    // Another request with this key was faster; the unique key made this one wait for it and write nothing.
    const first = await findByIdempotencyKey(context, publication);
    invariant(first, "an idempotency key is taken by a status that doesn't exist");
    return toldAgain(context, authorId, first);
  }
  const { id } = inserted;
  if (target) await settleNow(context.database, [{ kind: "reply", statusId: target.id, sourceId: id }]);
  if (!hasMedia) filling.store(id, StatusRecord.of(rowOf(id, status), null));
  if (draft.visibility !== "direct") context.statuses.profiles.posted(authorId, inserted);
  await settle(context, id, authorId, target?.id ?? null);
  const record = await context.statuses.get(id);
  invariant(record, "a status just published can't be read");
  return record;
}

/** Who wrote it first may have ended, or not come to it yet. */
async function toldAgain(
  context: StatusesContext,
  authorId: AccountId,
  record: StatusRecord,
): Promise<StatusRecord> {
  await context.tellWrite(authorId, "own");
  return record;
}

/** After the commit, before the answer: the author's next read must show it. */
async function settle(
  context: StatusesContext,
  id: StatusId,
  authorId: AccountId,
  repliedId: StatusId | null,
): Promise<void> {
  await Promise.all([
    context.invalidate({
      authorTimelines: [authorId],
      countsElsewhere: [authorId],
      ...(repliedId === null ? {} : { statuses: [repliedId] }),
    }),
    context.showToAuthor(id, authorId),
  ]);
  context.wakeEventLog();
}

/** What was just written, as reading it back would give it: for a status without media. */
function rowOf(id: StatusId, status: NewStatus): StatusRow {
  const { authorId, draft, checked, target, application } = status;
  return {
    id,
    author_id: authorId,
    visibility: visibilityCode(draft.visibility),
    text: checked.text,
    spoiler_text: checked.spoilerText,
    sensitive: isSensitive(status),
    language: draft.language,
    in_reply_to_id: target?.id ?? null,
    in_reply_to_account_id: target?.authorId ?? null,
    reblog_of_id: null,
    reblog_of_account_id: null,
    application_name: application?.name ?? null,
    application_website: application?.website ?? null,
    created_at: new Date(timeOfIdMs(id)),
    edited_at: null,
    replies_count: 0,
    reblogs_count: 0,
    favourites_count: 0,
    mentions: checked.mentions
      .toSorted((a, b) => descending(b.id, a.id))
      .map((mention) => ({ id: `${mention.id}`, username: mention.username })),
    tags: checked.tags.toSorted((a, b) => (tagKey(a) < tagKey(b) ? -1 : 1)),
    media: [],
  };
}

async function insertWithMedia(context: StatusesContext, status: NewStatus): Promise<Inserted> {
  const { shards } = context.database;
  return shards
    .of(status.authorId)
    .db.transaction()
    .execute(async (tx) => {
      const inserted = await insertWithin(tx, status, shards);
      if (inserted) await attachMedia(tx, inserted.id, status.authorId, status.draft.mediaIds);
      return inserted;
    });
}

/** Throws Invalid, undoing the transaction, when another post took one of the media meanwhile. */
export async function attachMedia(
  tx: Db,
  statusId: StatusId,
  authorId: AccountId,
  mediaIds: readonly bigint[],
): Promise<void> {
  const attached = await tx.executeQuery(
    CompiledQuery.raw(
      `update media_attachments m set status_id = $1, history_status_id = null, position = i.position
       from unnest($2::bigint[]) with ordinality as i (id, position)
       where m.id = i.id and m.account_id = $3 and (m.status_id is null or m.status_id = $1)
         and (m.history_status_id is null or m.history_status_id = $1)
       returning m.id`,
      [statusId, mediaIds, authorId],
    ),
  );
  if (attached.rows.length !== new Set(mediaIds).size) {
    throw new Invalid("Some of the media are part of another post by now: upload them again");
  }
}

async function findByIdempotencyKey(
  context: StatusesContext,
  { authorId, idempotencyKey }: Publication,
): Promise<StatusRecord | null> {
  if (idempotencyKey === null) return null;
  const { db } = context.database.shards.of(authorId);
  const found = await db
    .selectFrom("idempotency_keys")
    .select("status_id")
    .where("account_id", "=", authorId)
    .where("key", "=", idempotencyKey)
    .executeTakeFirst();
  return found ? ((await context.statuses.get(found.status_id)) ?? null) : null;
}
