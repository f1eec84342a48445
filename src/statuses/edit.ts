import { sql } from "kysely";
import { type Told, takeBack, takeBackNow } from "../accounts/told.ts";
import { Forbidden, Invalid, NotFound } from "../core/errors.ts";
import type { AccountId, MediaId, StatusId } from "../core/ids.ts";
import type { Db, StaleSource } from "../engines/database/pools.ts";
import { appendToOutbox } from "../engines/event-log/outbox.ts";
import { changedBy, type MediaChange } from "../media/upload.ts";
import type { StatusesContext } from "./context.ts";
import { type CheckedText, checkText, MAX_MEDIA_ATTACHMENTS } from "./draft.ts";
import { attachMedia } from "./publish.ts";
import { loadStatusRows, type MediaRow, type StatusRow } from "./queries.ts";
import type { StatusRecord } from "./records.ts";
import { tagKey } from "./text/tags.ts";

export interface Edit {
  readonly text: string;
  readonly spoilerText: string;
  readonly sensitive: boolean;
  /** Undefined keeps the language. */
  readonly language: string | null | undefined;
  /** Undefined keeps the media. */
  readonly mediaIds: readonly MediaId[] | undefined;
  /** Of media that the status has then; of others, ignored. */
  readonly mediaChanges: ReadonlyMap<MediaId, MediaChange>;
}

export interface StatusVersion {
  readonly text: string;
  readonly spoiler_text: string;
  readonly sensitive: boolean;
  readonly media: readonly MediaRow[];
  readonly created_at: Date;
}

/** Edits the author's status, keeping the version before. An edit that changes nothing leaves no trace. */
export async function edit(
  context: StatusesContext,
  authorId: AccountId,
  id: StatusId,
  change: Edit,
): Promise<StatusRecord> {
  const current = await context.statuses.get(id);
  if (!current || current.facts.authorId !== authorId) throw new NotFound();
  if (current.facts.reblogOfId !== null) throw new Forbidden("A boost can't be edited");
  if (change.mediaIds && change.mediaIds.length > MAX_MEDIA_ATTACHMENTS) {
    throw new Invalid(`A post can have ${MAX_MEDIA_ATTACHMENTS} images at most`);
  }
  const hasMedia = change.mediaIds ? change.mediaIds.length > 0 : current.facts.hasMedia;
  const checked = await checkText(context, { text: change.text, spoilerText: change.spoilerText, hasMedia });
  const toldElsewhere = await context.database.shards
    .of(id)
    .db.transaction()
    .execute(async (tx) => {
      // The row is locked so that two edits at once keep both versions.
      await sql`select 1 from statuses where id = ${id} for update`.execute(tx);
      const [before] = await loadStatusRows(tx, [id]);
      if (!before) throw new NotFound();
      if (!isChange(before, checked, change)) return [];
      await keepVersion(tx, before);
      await apply(tx, before, checked, change);
      await appendToOutbox(tx, authorId, { type: "status.edited", statusId: id, authorId });
      const { shards } = context.database;
      return takeBack(tx, shards.of(id).db, context.database, noLongerMentioned(before, checked));
    });
  await takeBackNow(context.database, toldElsewhere);
  await context.invalidate({ statuses: [id], owners: [authorId] });
  context.wakeEventLog();
  const record = await context.statuses.get(id);
  if (!record) throw new NotFound();
  return record;
}

/** The status, and all its versions, oldest first, the present one last. Throws NotFound when it's gone. */
export async function versionsOf(
  { database, reading }: StaleSource,
  id: StatusId,
): Promise<{ row: StatusRow; versions: StatusVersion[] }> {
  return database.shards.of(id).readStale(reading, async (db) => {
    const [row] = await loadStatusRows(db, [id]);
    if (!row) throw new NotFound();
    const before = await sql<StatusVersion>`select text, spoiler_text, sensitive, media, created_at
      from status_edits where status_id = ${id} order by id`.execute(db);
    return { row, versions: [...before.rows, { ...row, created_at: row.edited_at ?? row.created_at }] };
  });
}

function isChange(before: StatusRow, checked: CheckedText, change: Edit): boolean {
  const mediaIds = change.mediaIds?.map(String);
  return (
    before.text !== checked.text ||
    before.spoiler_text !== checked.spoilerText ||
    before.sensitive !== (change.sensitive || checked.isWarned) ||
    (change.language !== undefined && before.language !== change.language) ||
    (mediaIds !== undefined && mediaIds.join() !== before.media.map((media) => media.id).join()) ||
    before.media.some((media) => isMediaChange(media, change.mediaChanges.get(BigInt(media.id)) ?? {}))
  );
}

function isMediaChange(before: MediaRow, { description, focus }: MediaChange): boolean {
  const was = before.meta.focus as MediaChange["focus"];
  return (
    (description !== undefined && description !== before.description) ||
    (focus !== undefined && (focus.x !== was?.x || focus.y !== was?.y))
  );
}

function noLongerMentioned(before: StatusRow, { mentions }: CheckedText): Told[] {
  const kept = new Set(mentions.map((mention) => mention.id));
  return before.mentions
    .map((mention): AccountId => BigInt(mention.id))
    .filter((accountId) => !kept.has(accountId))
    .map((accountId) => ({ accountId, type: "mention", fromId: before.author_id, statusId: before.id }));
}

async function keepVersion(tx: Db, before: StatusRow): Promise<void> {
  await tx
    .insertInto("status_edits")
    .values({
      status_id: before.id,
      text: before.text,
      spoiler_text: before.spoiler_text,
      sensitive: before.sensitive,
      media: JSON.stringify(before.media),
      created_at: before.edited_at ?? before.created_at,
    })
    .execute();
}

async function apply(tx: Db, before: StatusRow, checked: CheckedText, change: Edit): Promise<void> {
  const { id } = before;
  const language = change.language === undefined ? before.language : change.language;
  await sql`update statuses set text = ${checked.text}, spoiler_text = ${checked.spoilerText},
      sensitive = ${change.sensitive || checked.isWarned}, language = ${language},
      edited_at = date_trunc('milliseconds', clock_timestamp())
    where id = ${id}`.execute(tx);
  const mentionIds = checked.mentions.map((mention) => mention.id);
  await sql`delete from status_mentions
    where status_id = ${id} and account_id <> all(${mentionIds}::bigint[])`.execute(tx);
  await sql`delete from status_tags where status_id = ${id}`.execute(tx);
  await sql`insert into status_mentions (status_id, account_id, username)
    select ${id}, m.account_id, m.username from unnest(${mentionIds}::bigint[],
      ${checked.mentions.map((mention) => mention.username)}::text[]) as m (account_id, username)
    on conflict do nothing`.execute(tx);
  await sql`insert into status_tags (status_id, tag, name)
    select ${id}, t.tag, t.name from unnest(${checked.tags.map(tagKey)}::text[],
      ${[...checked.tags]}::text[]) as t (tag, name)`.execute(tx);
  if (change.mediaIds) {
    // The version before, which the history shows, has them.
    await sql`update media_attachments set status_id = null, history_status_id = ${id}
      where status_id = ${id} and id <> all(${[...change.mediaIds]}::bigint[])`.execute(tx);
    await attachMedia(tx, id, before.author_id, change.mediaIds);
  }
  for (const [mediaId, mediaChange] of change.mediaChanges) {
    await sql`update media_attachments set ${changedBy(mediaChange)}
      where id = ${mediaId} and status_id = ${id}`.execute(tx);
  }
}
