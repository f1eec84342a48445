/** Accounts put straight into the database: hashing passwords isn't what is tested with these. */
import { createAccessToken } from "../../src/accounts/tokens.ts";
import type { AccountId } from "../../src/core/ids.ts";
import type { Db } from "../../src/engines/database/pools.ts";

/** In the directory's database. The id says on which shard its posts lie. Resolves to an access token for everything. */
export async function insertAccount(db: Db, id: AccountId, username: string): Promise<string> {
  await db.insertInto("accounts").values({ id, username }).execute();
  const credentials = { account_id: id, email: `${username}@example.org`, password_hash: "-" };
  await db
    .insertInto("credentials")
    .values({ ...credentials, confirmed_at: new Date(0) })
    .execute();
  const owner = { accountId: id, appId: null, scopes: ["read", "write", "follow"] };
  return (await createAccessToken(db, owner)).token;
}
