/** What an account prefers for its posts. */
import { NotFound } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";

export interface AccountSettings {
  readonly visibility: number;
  readonly sensitive: boolean;
  readonly language: string | null;
}

export async function accountSettings(db: Db, accountId: AccountId): Promise<AccountSettings> {
  const row = await db
    .selectFrom("accounts")
    .select(["default_visibility", "default_sensitive", "default_language"])
    .where("id", "=", accountId)
    .executeTakeFirst();
  if (!row) throw new NotFound();
  return {
    visibility: row.default_visibility,
    sensitive: row.default_sensitive,
    language: row.default_language,
  };
}
