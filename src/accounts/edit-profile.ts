/** Changing one's profile and preferences. */
import { type SqlBool, sql } from "kysely";
import { Invalid } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import type { Invalidate } from "../core/invalidation.ts";
import { expirePictures, GRACE_HOURS, keepPictures } from "../engines/database/expiring-files.ts";
import type { Db } from "../engines/database/pools.ts";

export interface ProfileChange {
  readonly displayName?: string | undefined;
  readonly note?: string | undefined;
  readonly fields?: readonly { name: string; value: string }[] | undefined;
  readonly avatarKey?: string | undefined;
  readonly avatarStaticKey?: string | undefined;
  readonly headerKey?: string | undefined;
  readonly locked?: boolean | undefined;
  readonly bot?: boolean | undefined;
  readonly discoverable?: boolean | undefined;
  readonly indexable?: boolean | undefined;
  readonly hideCollections?: boolean | undefined;
  readonly visibility?: number | undefined;
  readonly sensitive?: boolean | undefined;
  readonly language?: string | null | undefined;
}

export const PROFILE_LIMITS = {
  displayNameCharacters: 30,
  noteCharacters: 500,
  fields: 4,
  fieldCharacters: 255,
} as const;

/** Throws Invalid for what is too long; nothing is changed then. */
export async function editProfile(
  context: { db: Db; invalidate: Invalidate },
  accountId: AccountId,
  change: ProfileChange,
): Promise<void> {
  checkLengths(change);
  const columns = {
    display_name: change.displayName,
    note: change.note,
    fields: change.fields === undefined ? undefined : JSON.stringify(change.fields),
    avatar_key: change.avatarKey,
    avatar_static_key: change.avatarStaticKey,
    header_key: change.headerKey,
    locked: change.locked,
    bot: change.bot,
    discoverable: change.discoverable,
    unindexable: change.indexable === undefined ? undefined : !change.indexable,
    hide_collections: change.hideCollections,
    default_visibility: change.visibility,
    default_sensitive: change.sensitive,
    default_language: change.language,
  };
  const given = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
  if (Object.keys(given).length === 0) return;
  const update = (db: Db) =>
    db.updateTable("accounts").set(given).where(sql<SqlBool>`id = ${accountId}`).execute();
  if (change.avatarKey === undefined && change.headerKey === undefined) await update(context.db);
  else {
    await context.db.transaction().execute(async (tx) => {
      await replacePictures(tx, accountId, change);
      await update(tx);
    });
  }
  await context.invalidate({ accounts: [accountId] });
}

/** Those of before are there for another hour: pages that people have open show them. */
async function replacePictures(tx: Db, accountId: AccountId, change: ProfileChange): Promise<void> {
  const was = await tx
    .selectFrom("accounts")
    .select(["avatar_key", "avatar_static_key", "header_key"])
    .where("id", "=", accountId)
    .forUpdate()
    .executeTakeFirst();
  const isKey = (key: string | null | undefined) => key !== null && key !== undefined;
  const used = [change.avatarKey, change.avatarStaticKey, change.headerKey].filter(isKey);
  await keepPictures(tx, [...new Set(used)]);
  const before = [
    ...(change.avatarKey === undefined ? [] : [was?.avatar_key, was?.avatar_static_key]),
    ...(change.headerKey === undefined ? [] : [was?.header_key]),
  ].filter(isKey);
  await expirePictures(tx, before, GRACE_HOURS);
}

function checkLengths(change: ProfileChange): void {
  const count = (text: string) => [...text].length;
  if (change.displayName !== undefined && count(change.displayName) > PROFILE_LIMITS.displayNameCharacters) {
    throw tooLong("Display name", PROFILE_LIMITS.displayNameCharacters);
  }
  if (change.note !== undefined && count(change.note) > PROFILE_LIMITS.noteCharacters) {
    throw tooLong("Note", PROFILE_LIMITS.noteCharacters);
  }
  if (!change.fields) return;
  if (change.fields.length > PROFILE_LIMITS.fields) {
    throw new Invalid(`Validation failed: a profile can have ${PROFILE_LIMITS.fields} fields at most`);
  }
  for (const { name, value } of change.fields) {
    if (Math.max(count(name), count(value)) > PROFILE_LIMITS.fieldCharacters) {
      throw tooLong("A field", PROFILE_LIMITS.fieldCharacters);
    }
  }
}

function tooLong(what: string, most: number): Invalid {
  return new Invalid(`Validation failed: ${what} is too long (maximum is ${most} characters)`);
}
