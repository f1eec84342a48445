/** From uploaded bytes to a stored picture: processed, kept under a key that can't be guessed, described in a row. */
import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { Invalid, invariant, NotFound } from "../core/errors.ts";
import { type AccountId, type MediaId, shardOfId } from "../core/ids.ts";
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

/** Files first, then the row: a crash in between leaves files that nothing names, never a row without files. */
export async function uploadImage(
  { database, store }: { database: Database; store: MediaStore },
  accountId: AccountId,
  upload: Upload,
): Promise<MediaAttachmentRow> {
  checkDescription(upload.description);
  const image = await (await images()).processImage(upload.bytes, accountId);
  const base = `attachments/${accountId}/${randomName()}`;
  const originalKey = `${base}.${image.extension}`;
  const previewKey = `${base}.small.${image.previewExtension}`;
  await store.put(originalKey, image.original, image.mime);
  await store.put(previewKey, image.preview, image.previewMime);
  const meta = upload.focus ? { ...image.meta, focus: upload.focus } : image.meta;
  const { rows } = await sql<MediaAttachmentRow>`
    insert into media_attachments (id, account_id, type, mime, original_key, preview_key, meta, blurhash, description)
    values (next_id(${shardOfId(accountId)}), ${accountId}, 'image', ${image.mime}, ${originalKey}, ${previewKey},
      ${JSON.stringify(meta)}::jsonb, ${image.blurhash}, ${upload.description})
    returning id, type, original_key, preview_key, meta, blurhash, description, status_id`.execute(
    database.shards.of(accountId).db,
  );
  const row = rows[0];
  invariant(row, "an inserted row is returned");
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

export async function describeMedia(
  database: Database,
  accountId: AccountId,
  id: MediaId,
  change: { description?: string | null | undefined; focus?: { x: number; y: number } | undefined },
): Promise<MediaAttachmentRow> {
  const row = await requireMedia(database, accountId, id);
  const description = change.description === undefined ? row.description : change.description;
  checkDescription(description);
  const meta = change.focus ? { ...row.meta, focus: change.focus } : row.meta;
  await sql`update media_attachments set description = ${description}, meta = ${JSON.stringify(meta)}::jsonb
    where id = ${id} and account_id = ${accountId}`.execute(database.shards.of(accountId).db);
  return { ...row, description, meta };
}

export async function storeAvatar(
  store: MediaStore,
  accountId: AccountId,
  bytes: Buffer,
): Promise<{ avatarKey: string; avatarStaticKey: string }> {
  const image = await (await images()).processAvatar(bytes, accountId);
  const base = `avatars/${accountId}/${randomName()}`;
  const avatarKey = `${base}.${image.extension}`;
  await store.put(avatarKey, image.original, image.mime);
  if (!image.still) return { avatarKey, avatarStaticKey: avatarKey };
  const avatarStaticKey = `${base}.static.${image.extension}`;
  await store.put(avatarStaticKey, image.still, image.mime);
  return { avatarKey, avatarStaticKey };
}

export async function storeHeader(
  store: MediaStore,
  accountId: AccountId,
  bytes: Buffer,
): Promise<{ headerKey: string }> {
  const image = await (await images()).processHeader(bytes, accountId);
  const headerKey = `headers/${accountId}/${randomName()}.${image.extension}`;
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
