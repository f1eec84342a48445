/** Passwords: argon2id, a few at a time, since each takes memory and a core for a moment. */
import { hash, verify } from "@node-rs/argon2";
import { sql } from "kysely";
import { Gate } from "../core/gate.ts";
import type { AccountId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";

/** OWASP's smallest recommended cost for argon2id: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 } as const;
const hashing = new Gate({ concurrent: 2, waiting: 200 });

export function hashPassword(password: string): Promise<string> {
  return hashing.run(() => hash(password, COST));
}

export interface SignIn {
  readonly accountId: AccountId;
  readonly confirmed: boolean;
}

/** The account with this username or e-mail and password; null for any mistake, in about the same time. */
export async function verifyPassword(db: Db, login: string, password: string): Promise<SignIn | null> {
  if (login.includes("\0")) return null;
  const name = login.trim().replace(/^@/, "").toLowerCase();
  const { rows } = await sql<{ account_id: AccountId; password_hash: string; confirmed: boolean }>`
    select c.account_id, c.password_hash, c.confirmed_at is not null as confirmed
    from credentials c join accounts a on a.id = c.account_id
    where (lower(c.email) = ${name} or lower(a.username) = ${name}) and a.suspended_at is null`.execute(db);
  const row = rows[0];
  const isRight = await hashing.run(async () => verify(row?.password_hash ?? (await decoy()), password));
  return row && isRight ? { accountId: row.account_id, confirmed: row.confirmed } : null;
}

let decoyHash: Promise<string> | null = null;

/** Compared with when there is no such account, so that the time taken doesn't tell. */
function decoy(): Promise<string> {
  decoyHash ??= hash("no account has this password", COST);
  return decoyHash;
}
