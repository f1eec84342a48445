import { sql } from "kysely";
import type { AccountId, MediaId, StatusId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";

export interface MediaRow {
  readonly id: string;
  readonly type: string;
  readonly original_key: string;
  readonly preview_key: string;
  readonly meta: Record<string, unknown>;
  readonly blurhash: string | null;
  readonly description: string | null;
}

export interface StatusRow {
  readonly id: StatusId;
  readonly author_id: AccountId;
  readonly visibility: number;
  readonly text: string;
  readonly spoiler_text: string;
  readonly sensitive: boolean;
  readonly language: string | null;
  readonly in_reply_to_id: StatusId | null;
  readonly in_reply_to_account_id: AccountId | null;
  readonly reblog_of_id: StatusId | null;
  readonly reblog_of_account_id: AccountId | null;
  readonly application_name: string | null;
  readonly application_website: string | null;
  readonly created_at: Date;
  readonly edited_at: Date | null;
  readonly replies_count: number;
  readonly reblogs_count: number;
  readonly favourites_count: number;
  readonly mentions: readonly { id: string; username: string }[];
  readonly tags: readonly string[];
  readonly media: readonly MediaRow[];
}

export async function loadStatusRows(db: Db, ids: readonly StatusId[]): Promise<StatusRow[]> {
  const { rows } = await sql<StatusRow>`
    select s.id, s.author_id, s.visibility, s.text, s.spoiler_text, s.sensitive, s.language, s.in_reply_to_id,
      s.in_reply_to_account_id, s.reblog_of_id, s.reblog_of_account_id, s.application_name, s.application_website,
      s.created_at, s.edited_at, coalesce(c.replies_count, 0) as replies_count,
      coalesce(c.reblogs_count, 0) as reblogs_count, coalesce(c.favourites_count, 0) as favourites_count,
      coalesce((select jsonb_agg(jsonb_build_object('id', m.account_id::text, 'username', m.username)
          order by m.account_id) from status_mentions m where m.status_id = s.id), '[]') as mentions,
      array(select name from status_tags t where t.status_id = s.id order by tag) as tags,
      coalesce((select jsonb_agg(jsonb_build_object('id', a.id::text, 'type', a.type,
          'original_key', a.original_key, 'preview_key', a.preview_key, 'meta', a.meta,
          'blurhash', a.blurhash, 'description', a.description) order by a.position, a.id)
        from media_attachments a where a.status_id = s.id), '[]') as media
    from statuses s left join status_counts c on c.status_id = s.id
    where s.id = any(${[...ids]}::bigint[])`.execute(db);
  return rows;
}

/** Accounts by lower-case username; suspended ones left out. */
export async function findMentioned(
  db: Db,
  usernames: readonly string[],
): Promise<{ id: AccountId; username: string }[]> {
  if (usernames.length === 0) return [];
  const { rows } = await sql<{ id: AccountId; username: string }>`
    select id, username from accounts
    where lower(username) = any(${[...usernames]}::text[]) and suspended_at is null`.execute(db);
  return rows;
}

/** Of these media, the ones of this account that no status has, nor the history of one. */
export async function findUnattachedMedia(
  db: Db,
  accountId: AccountId,
  ids: readonly MediaId[],
): Promise<MediaId[]> {
  const rows = await db
    .selectFrom("media_attachments")
    .select("id")
    .where("id", "in", [...ids])
    .where("account_id", "=", accountId)
    .where("status_id", "is", null)
    .where("history_status_id", "is", null)
    .execute();
  return rows.map((row) => row.id);
}
