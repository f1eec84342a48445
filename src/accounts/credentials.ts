/** Passwords: argon2id, a few at a time, since each takes memory and a core for a moment. */
import { hash, verify } from "@node-rs/argon2";
import { sql } from "kysely";
import { Invalid, NotFound } from "../core/errors.ts";
import { Gate } from "../core/gate.ts";
import type { AccountId } from "../core/ids.ts";
import { notifyInvalidation } from "../engines/database/invalidation-channel.ts";
import type { Db } from "../engines/database/pools.ts";
import { revokeAllTokens } from "./tokens.ts";

/** OWASP's smallest recommended cost for argon2id: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 } as const;
const PASSWORD_CHARACTERS = { least: 8, most: 256 };
const hashing = new Gate({ concurrent: 2, waiting: 200 });

export function hashPassword(password: string): Promise<string> {
  return hashing.run(() => hash(password, COST));
}

/** Why it can't be a password, as signing up tells it; null when it can. */
export function passwordMistake(password: string): { error: string; description: string } | null {
  const { least, most } = PASSWORD_CHARACTERS;
  if (password === "") return { error: "ERR_BLANK", description: "Password can't be blank" };
  if (password.length < least) {
    return { error: "ERR_TOO_SHORT", description: `Password must have ${least} characters at least` };
  }
  if (password.length <= most) return null;
  return { error: "ERR_TOO_LONG", description: `Password can have ${most} characters at most` };
}

export interface SignIn {
  readonly accountId: AccountId;
  readonly confirmed: boolean;
}

/** What people type for a name, as it is looked up: without spaces around it and the @ before it. */
export function loginNameOf(typed: string): string {
  return typed.trim().replace(/^@/, "");
}

/** The account with this username or e-mail and password; null for any mistake, in about the same time. */
export async function verifyPassword(db: Db, login: string, password: string): Promise<SignIn | null> {
  const row = await findCredentials(db, loginNameOf(login));
  const isRight = await hashing.run(async () => verify(row?.password_hash ?? (await decoy()), password));
  return row && isRight ? { accountId: row.account_id, confirmed: row.confirmed } : null;
}

/**
 * By one of two indexes: asked for either at once, PostgreSQL would go through all accounts. It also does the lower
 * casing, as in the indexes; JavaScript's differs outside ASCII.
 */
async function findCredentials(db: Db, name: string) {
  if (name.includes("\0")) return undefined;
  const isNamed = name.includes("@")
    ? sql`lower(c.email) = lower(${name})`
    : sql`lower(a.username) = lower(${name})`;
  const { rows } = await sql<{ account_id: AccountId; password_hash: string; confirmed: boolean }>`
    select c.account_id, c.password_hash, c.confirmed_at is not null as confirmed
    from credentials c join accounts a on a.id = c.account_id
    where ${isNamed} and a.suspended_at is null`.execute(db);
  return rows[0];
}

/** Also ends every session and token: whoever knew the old password is out. */
export async function changePassword(db: Db, accountId: AccountId, password: string): Promise<void> {
  const mistake = passwordMistake(password);
  if (mistake) throw new Invalid(`Validation failed: ${mistake.description}`, 422, { password: [mistake] });
  const passwordHash = await hashPassword(password);
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql`update credentials set password_hash = ${passwordHash}
      where account_id = ${accountId} returning 1`.execute(tx);
    if (rows.length === 0) throw new NotFound("There is no such account");
    await revokeAllTokens(tx, accountId);
    await sql`delete from web_sessions where account_id = ${accountId}`.execute(tx);
    await notifyInvalidation(tx, { tokens: [accountId] });
  });
}

let decoyHash: Promise<string> | null = null;

/** Compared with when there is no such account, so that the time taken doesn't tell. */
function decoy(): Promise<string> {
  decoyHash ??= hash("no account has this password", COST);
  return decoyHash;
}
