/**
 * The list of files in the media store that go at a time, kept in the database: a file is listed in the transaction
 * in which it ceases to be needed, and before it is stored at all. So a process may be killed at any moment: a file
 * without a row is listed, and whatever is listed and due goes with the next run of `media/expiry.ts`.
 *
 * A listed file is kept as long as a row of `media_attachments` needs it; that is asked when it is due. Once a file is
 * claimed, to be deleted, nothing can need it any more.
 */
import { sql } from "kysely";
import { Unavailable } from "../../core/errors.ts";
import { type AccountId, type MediaId, shardOfId } from "../../core/ids.ts";
import type { Db } from "./pools.ts";

/** How long an uploaded picture waits for its post. */
const UPLOAD_HOURS = 24;
/** How long a picture is there that was replaced, whose post was deleted, or whose change never came about. */
export const GRACE_HOURS = 1;

/** Lists files about to be stored for a medium of this account. Resolves to the id that the medium is to have. */
export async function reserveMedia(
  db: Db,
  accountId: AccountId,
  keys: readonly string[],
): Promise<MediaId | undefined> {
  const { rows } = await sql<{ media_id: MediaId }>`
    with medium as materialized (select next_id(${shardOfId(accountId)}) as id)
    insert into expiring_files (key, account_id, media_id, expires_at)
    select key, ${accountId}, medium.id, now() + ${UPLOAD_HOURS} * interval '1 hour'
    from unnest(${[...keys]}::text[]) as k (key), medium
    returning media_id`.execute(db);
  return rows[0]?.media_id;
}

/**
 * For the statement that writes the medium's row: whether its files are still to be had, which from now on wait for a
 * post. The rows change, so that who is just about to claim them looks at them again.
 */
export function heldFiles(keys: readonly string[]) {
  return sql`update expiring_files set expires_at = now() + ${UPLOAD_HOURS} * interval '1 hour'
    where key = any(${[...keys]}::text[]) and claimed_until is null returning key`;
}

/** Lists an avatar or header about to be stored. On the main database. */
export async function reservePicture(db: Db, key: string): Promise<void> {
  await sql`insert into expiring_files (key, expires_at)
    values (${key}, now() + ${GRACE_HOURS} * interval '1 hour')`.execute(db);
}

/** Avatars and headers that are used from now on. Throws Unavailable when their time was over before. */
export async function keepPictures(tx: Db, keys: readonly string[]): Promise<void> {
  const { rows } = await sql`delete from expiring_files
    where key = any(${[...keys]}::text[]) and claimed_until is null returning key`.execute(tx);
  if (rows.length < keys.length) throw tookTooLong();
}

/** Avatars and headers that aren't used any more. On the main database. */
export async function expirePictures(tx: Db, keys: readonly string[], inHours: number): Promise<void> {
  await sql`insert into expiring_files (key, expires_at)
    select distinct key, now() + ${inHours} * interval '1 hour' from unnest(${[...keys]}::text[]) as k (key)
    on conflict (key) do update set expires_at = excluded.expires_at`.execute(tx);
}

export function tookTooLong(): Unavailable {
  return new Unavailable("The upload took too long: send the image again");
}
