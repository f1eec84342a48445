/** From uploaded bytes to a stored picture: processed, kept under a key that can't be guessed, described in a row. */
import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { Invalid, invariant, NotFound } from "../core/errors.ts";
import type { AccountId, MediaId } from "../core/ids.ts";
import { heldFiles, reserveMedia, reservePicture, tookTooLong } from "../engines/database/expiring-files.ts";
import type { Database } from "../engines/database/pools.ts";
import type { MediaStore } from "../engines/media-store/port.ts";

export interface Upload {
  readonly bytes: Buffer;
  readonly description: string | null;
  readonly focus: { x: number; y: number } | null;
}

export interface MediaAttachmentRow {
  readonly id: MediaId;
  readonly type: string;
  readonly original_key: string;
  readonly preview_key: string;
  readonly meta: Record<string, unknown>;
  readonly blurhash: string | null;
  readonly description: string | null;
  readonly status_id: bigint | null;
}

export const MAX_DESCRIPTION_CHARACTERS = 1_500;

/** Of `media_attachments`: no post has it, nor does the history of one. */
export const IS_UNATTACHED = sql`status_id is null and history_status_id is null`;

export interface UploadContext {
  readonly database: Database;
  readonly store: MediaStore;
}

/**
 * The files are listed first, as going in a day, then stored, then named by a row: a crash in between leaves files that
 * go in a day, never a row without files.
 */
export async function uploadImage(
  { database, store }: UploadContext,
  accountId: AccountId,
  upload: Upload,
): Promise<MediaAttachmentRow> {
  checkDescription(upload.description);
  const image = await (await images()).processImage(upload.bytes, accountId);
  const base = `attachments/${accountId}/${randomName()}`;
  const originalKey = `${base}.${image.extension}`;
  const previewKey = `${base}.small.${image.previewExtension}`;
  const { shards } = database;
  const keys = [originalKey, previewKey];
  const id = await reserveMedia(shards.of(accountId).db, accountId, keys);
  invariant(id !== undefined, "listed files have the id of their medium");
  await store.put(originalKey, image.original, image.mime);
  await store.put(previewKey, image.preview, image.previewMime);
  const meta = upload.focus ? { ...image.meta, focus: upload.focus } : image.meta;
  const { rows } = await sql<MediaAttachmentRow>`
    with held as (${heldFiles(keys)})
    insert into media_attachments (id, account_id, type, mime, original_key, preview_key, meta, blurhash, description)
    select ${id}, ${accountId}, 'image', ${image.mime}, ${originalKey}, ${previewKey}, ${JSON.stringify(meta)}::jsonb,
      ${image.blurhash}, ${upload.description}
    where (select count(*) from held) = ${keys.length}
    returning id, type, original_key, preview_key, meta, blurhash, description, status_id`.execute(
    shards.of(accountId).db,
  );
  const row = rows[0];
  if (!row) throw tookTooLong();
  return row;
}

/** Throws NotFound for another account's. */
export async function requireMedia(
  { shards }: Database,
  accountId: AccountId,
  id: MediaId,
): Promise<MediaAttachmentRow> {
  const row = await shards
    .of(accountId)
    .db.selectFrom("media_attachments")
    .select(["id", "type", "original_key", "preview_key", "meta", "blurhash", "description", "status_id"])
    .where("id", "=", id)
    .where("account_id", "=", accountId)
    .executeTakeFirst();
  if (!row) throw new NotFound();
  return row;
}

/** Throws NotFound for another account's, and for what a post shows: that is changed by editing the post. */
export async function describeMedia(
  { shards }: Database,
  accountId: AccountId,
  id: MediaId,
  change: MediaChange,
): Promise<MediaAttachmentRow> {
  const { rows } = await sql<MediaAttachmentRow>`update media_attachments set ${changedBy(change)}
    where id = ${id} and account_id = ${accountId} and ${IS_UNATTACHED}
    returning id, type, original_key, preview_key, meta, blurhash, description, status_id`.execute(
    shards.of(accountId).db,
  );
  const [row] = rows;
  if (!row) throw new NotFound();
  return row;
}

export interface MediaChange {
  readonly description?: string | null | undefined;
  readonly focus?: { readonly x: number; readonly y: number } | undefined;
}

/** Of `update media_attachments set`. Throws Invalid for a description that is too long. */
export function changedBy({ description, focus }: MediaChange) {
  checkDescription(description ?? null);
  return sql`description = ${description === undefined ? sql`description` : description},
    meta = ${focus === undefined ? sql`meta` : sql`meta || ${JSON.stringify({ focus })}::jsonb`}`;
}

export async function storeAvatar(
  { database, store }: UploadContext,
  accountId: AccountId,
  bytes: Buffer,
): Promise<{ avatarKey: string; avatarStaticKey: string }> {
  const image = await (await images()).processAvatar(bytes, accountId);
  const base = `avatars/${accountId}/${randomName()}`;
  const avatarKey = `${base}.${image.extension}`;
  await reservePicture(database.db, avatarKey);
  await store.put(avatarKey, image.original, image.mime);
  if (!image.still) return { avatarKey, avatarStaticKey: avatarKey };
  const avatarStaticKey = `${base}.static.${image.extension}`;
  await reservePicture(database.db, avatarStaticKey);
  await store.put(avatarStaticKey, image.still, image.mime);
  return { avatarKey, avatarStaticKey };
}

export async function storeHeader(
  { database, store }: UploadContext,
  accountId: AccountId,
  bytes: Buffer,
): Promise<{ headerKey: string }> {
  const image = await (await images()).processHeader(bytes, accountId);
  const headerKey = `headers/${accountId}/${randomName()}.${image.extension}`;
  await reservePicture(database.db, headerKey);
  await store.put(headerKey, image.original, image.mime);
  return { headerKey };
}

function checkDescription(description: string | null): void {
  if (description !== null && [...description].length > MAX_DESCRIPTION_CHARACTERS) {
    throw new Invalid(
      `Validation failed: Description is too long (maximum is ${MAX_DESCRIPTION_CHARACTERS} characters)`,
    );
  }
}

function randomName(): string {
  return randomBytes(12).toString("hex");
}

/** Loaded at the first upload: the image library takes memory that a server without uploads can do without. */
const images = () => import("./process.ts");
