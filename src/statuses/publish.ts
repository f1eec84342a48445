import { CompiledQuery } from "kysely";
import { Invalid, invariant } from "../core/errors.ts";
import type { AccountId, StatusId } from "../core/ids.ts";
import { descending, shardOfId, timeOfIdMs } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import type { StatusesContext } from "./context.ts";
import { type CheckedText, checkMedia, checkText, type Draft, replyTarget } from "./draft.ts";
import type { StatusRow } from "./queries.ts";
import { StatusRecord } from "./records.ts";
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
  if (repeated) return repeated;
  const hasMedia = draft.mediaIds.length > 0;
  const checked = await checkText(context, { text: draft.text, spoilerText: draft.spoilerText, hasMedia });
  const target = await replyTarget(context, authorId, draft.inReplyToId);
  await checkMedia(context, authorId, draft.mediaIds);
  const values = insertValues(publication, checked, target);
  using filling = context.statuses.fill();
  const inserted = hasMedia
    ? await context.database.db.transaction().execute((tx) => insertWithMedia(tx, values, publication))
    : (await context.database.prepared<Inserted>("status_insert", INSERT, values))[0];
  if (!inserted) {
    // Another request with this key was faster; the unique key made this one wait for it and write nothing.
    const first = await findByIdempotencyKey(context, publication);
    invariant(first, "an idempotency key is taken by a status that doesn't exist");
    return first;
  }
  const { id } = inserted;
  if (!hasMedia) filling.store(id, new StatusRecord(rowOf(id, publication, checked, target)));
  context.statuses.profiles.posted(authorId, inserted);
  await settle(context, id, authorId, target?.id ?? null);
  const record = await context.statuses.get(id);
  invariant(record, "a status just published can't be read");
  return record;
}

interface Inserted {
  readonly id: StatusId;
  readonly statuses_count: bigint;
}

/** After the commit, before the answer: the author's next read must show it. */
async function settle(
  context: StatusesContext,
  id: StatusId,
  authorId: AccountId,
  repliedId: StatusId | null,
): Promise<void> {
  await context.invalidate({
    authorTimelines: [authorId],
    ...(repliedId === null ? {} : { statuses: [repliedId] }),
  });
  await context.showToAuthor(id, authorId);
  context.wakeEventLog();
}

/**
 * Everything a post writes, in one statement and so in one round trip and one transaction. With an idempotency key,
 * nothing at all is written when the key is taken: every part hangs on `allowed`.
 */
const INSERT = `
  with new as materialized (select next_id($1::int) as id),
  claim as (
    insert into idempotency_keys (account_id, key, status_id) select $2::bigint, $3::text, id from new where $3 is not null
    on conflict do nothing returning status_id),
  allowed as (select id from new where $3::text is null or exists (select 1 from claim)),
  status as (
    insert into statuses (id, author_id, visibility, text, spoiler_text, sensitive, language, in_reply_to_id,
      in_reply_to_account_id, application_name, application_website, created_at)
    select id, $2, $4::smallint, $5::text, $6::text, $7::boolean, $8::text, $9::bigint, $10::bigint, $11::text, $12::text,
      to_timestamp(((id >> 22) + 1420070400000) / 1000.0) from allowed returning id),
  mentioned as (
    insert into status_mentions (status_id, account_id, username)
    select status.id, m.account_id, m.username from status, unnest($13::bigint[], $14::text[]) as m (account_id, username)),
  tagged as (
    insert into status_tags (status_id, tag, name)
    select status.id, t.tag, t.name from status, unnest($15::text[], $16::text[]) as t (tag, name)),
  replied as (
    insert into status_counts (status_id, replies_count) select $9, 1 from status where $9 is not null
    on conflict (status_id) do update set replies_count = status_counts.replies_count + 1),
  counted as (
    insert into author_counts (account_id, statuses_count, last_status_at) select $2, 1, now() from status
    on conflict (account_id) do update set statuses_count = author_counts.statuses_count + 1, last_status_at = now()
    returning statuses_count),
  told as (
    insert into event_log (topic, key, payload)
    select 'events', $2, jsonb_build_object('type', 'status.published', 'statusId', id::text, 'authorId', $2::text)
    from status)
  select status.id, counted.statuses_count from status, counted`;

function insertValues(
  { authorId, draft, application, idempotencyKey }: Publication,
  checked: CheckedText,
  target: { id: StatusId; authorId: AccountId } | null,
): unknown[] {
  return [
    shardOfId(authorId),
    authorId,
    idempotencyKey,
    visibilityCode(draft.visibility),
    checked.text,
    checked.spoilerText,
    draft.sensitive || checked.spoilerText !== "",
    draft.language,
    target?.id ?? null,
    target?.authorId ?? null,
    application?.name ?? null,
    application?.website ?? null,
    checked.mentions.map((mention) => mention.id),
    checked.mentions.map((mention) => mention.username),
    checked.tags.map((tag) => tag.toLowerCase()),
    checked.tags,
  ];
}

/** What was just written, as reading it back would give it: for a status without media. */
function rowOf(
  id: StatusId,
  { authorId, draft, application }: Publication,
  checked: CheckedText,
  target: { id: StatusId; authorId: AccountId } | null,
): StatusRow {
  return {
    id,
    author_id: authorId,
    visibility: visibilityCode(draft.visibility),
    text: checked.text,
    spoiler_text: checked.spoilerText,
    sensitive: draft.sensitive || checked.spoilerText !== "",
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
    tags: checked.tags.toSorted((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)),
    media: [],
  };
}

async function insertWithMedia(
  tx: Db,
  values: unknown[],
  publication: Publication,
): Promise<Inserted | undefined> {
  const { rows } = await tx.executeQuery(CompiledQuery.raw(INSERT, values));
  const [inserted] = rows as Inserted[];
  if (inserted) await attachMedia(tx, inserted.id, publication.authorId, publication.draft.mediaIds);
  return inserted;
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
      `update media_attachments m set status_id = $1, position = i.position
       from unnest($2::bigint[]) with ordinality as i (id, position)
       where m.id = i.id and m.account_id = $3 and (m.status_id is null or m.status_id = $1) returning m.id`,
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
  const found = await context.database.db
    .selectFrom("idempotency_keys")
    .select("status_id")
    .where("account_id", "=", authorId)
    .where("key", "=", idempotencyKey)
    .executeTakeFirst();
  return found ? ((await context.statuses.get(found.status_id)) ?? null) : null;
}
