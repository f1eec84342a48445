/** The accounts of this server as an operator looks for them. */
import type { AccountId } from "../../core/ids.ts";
import type { Db } from "../../engines/database/pools.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";

export interface AccountLine {
  readonly id: AccountId;
  readonly username: string;
  readonly email: string | null;
  readonly confirmed: boolean;
  readonly suspended: boolean;
  readonly createdAt: Date;
}

function accountLines(db: Db) {
  return db
    .selectFrom("accounts as a")
    .leftJoin("credentials as c", "c.account_id", "a.id")
    .select([
      "a.id",
      "a.username",
      "a.suspended_at",
      "a.created_at",
      "c.email as email",
      "c.confirmed_at as confirmed_at",
    ]);
}

type Row = Awaited<ReturnType<ReturnType<typeof accountLines>["executeTakeFirstOrThrow"]>>;

function lineOf(row: Row): AccountLine {
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    confirmed: row.confirmed_at !== null,
    suspended: row.suspended_at !== null,
    createdAt: row.created_at,
  };
}

/** Newest first. */
export async function listAccounts(
  db: Db,
  { limit, suspended }: { limit: number; suspended: boolean },
): Promise<AccountLine[]> {
  let query = accountLines(db).orderBy("a.id", "desc").limit(limit);
  if (suspended) query = query.where("a.suspended_at", "is not", null);
  return (await query.execute()).map(lineOf);
}

/** The account that is meant by a username, with or without @, or by an e-mail address. */
export async function requireAccount(db: Db, named: string): Promise<AccountLine> {
  const name = named.replace(/^@/, "");
  const rows = await accountLines(db)
    .where(({ eb, fn, or }) =>
      or([
        eb(fn("lower", ["a.username"]), "=", name.toLowerCase()),
        eb(fn("lower", ["c.email"]), "=", name.toLowerCase()),
      ]),
    )
    .limit(1)
    .execute();
  const [row] = rows;
  if (!row) {
    throw new CommandError(exitCodes.failed, `There is no account "${named}" here.`, {
      hint: "`roost accounts list` shows those there are.",
    });
  }
  return lineOf(row);
}

/** For --json. */
export function asRecord(account: AccountLine): object {
  return { ...account, id: `${account.id}`, createdAt: account.createdAt.toISOString() };
}
