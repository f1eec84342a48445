/** Access tokens: random, stored as hashes, looked up once and remembered until they end. */
import { createHash, randomBytes } from "node:crypto";
import { sql } from "kysely";
import { GuardedCache } from "../core/guarded-cache.ts";
import type { AccountId } from "../core/ids.ts";
import type { Viewer } from "../core/viewer.ts";
import type { Db } from "../engines/database/pools.ts";

/** What a person's own scripts get. */
export const USER_SCOPES = ["read", "write", "follow", "push"] as const;

export interface NewToken {
  readonly token: string;
  readonly createdAt: Date;
}

const TOKEN_BYTES = 32;

export function newSecret(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

/** Secrets are random and long, so a plain hash can't be reversed by guessing. */
export function hashSecret(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

export async function createAccessToken(
  db: Db,
  owner: {
    accountId: AccountId | null;
    appId: bigint | null;
    scopes: readonly string[];
    /** Of the authorization code it was exchanged for. */
    codeHash?: Buffer;
  },
): Promise<NewToken> {
  const token = newSecret();
  const row = await db
    .insertInto("access_tokens")
    .values({
      token_hash: hashSecret(token),
      account_id: owner.accountId,
      app_id: owner.appId,
      scopes: [...owner.scopes],
      code_hash: owner.codeHash ?? null,
    })
    .returning("created_at")
    .executeTakeFirstOrThrow();
  return { token, createdAt: row.created_at };
}

/** Ends a token. Resolves to the account it was for, or null. */
export async function revokeToken(db: Db, token: string, appId: bigint): Promise<AccountId | null> {
  const row = await db
    .deleteFrom("access_tokens")
    .where("token_hash", "=", hashSecret(token))
    .where("app_id", "=", appId)
    .returning("account_id")
    .executeTakeFirst();
  return row?.account_id ?? null;
}

/** Why a token that exists isn't accepted. */
export type TokenState = "active" | "unconfirmed";

export interface KnownToken {
  readonly viewer: Viewer;
  readonly state: TokenState;
}

const MAX_SIZE_BYTES = 16 * 1024 * 1024;

/**
 * Tokens that were seen lately, by the token itself: a request then costs neither a query nor a hash. They are in this
 * process's memory anyway, with each request that carries them.
 */
export class TokenCache {
  readonly #cache: GuardedCache<string, KnownToken>;
  /** Which tokens an account's end must take out. */
  readonly #tokensOf = new Map<AccountId, Set<string>>();

  constructor(db: Db) {
    this.#cache = new GuardedCache<string, KnownToken>({
      maxSizeBytes: MAX_SIZE_BYTES,
      sizeBytesOf: () => 500,
      loadMany: (tokens) => this.#load(db, tokens),
    });
  }

  /** Null for a token that doesn't exist, was revoked, or whose account is suspended or not confirmed. */
  async get(token: string): Promise<Viewer | null> {
    const known = await this.find(token);
    return known?.state === "active" ? known.viewer : null;
  }

  async find(token: string): Promise<KnownToken | null> {
    return this.#cache.peek(token) ?? (await this.#cache.get(token)) ?? null;
  }

  forgetToken(token: string): void {
    this.#cache.invalidate(token);
  }

  /** Also takes out what loads under way would store: they registered their token before they asked the database. */
  forgetAccount(accountId: AccountId): void {
    for (const token of this.#tokensOf.get(accountId) ?? []) this.#cache.invalidate(token);
    this.#tokensOf.delete(accountId);
    // Whose token a load under way will turn out to be isn't known yet.
    this.#cache.invalidateLoads();
  }

  clear(): void {
    this.#cache.clear();
    this.#tokensOf.clear();
  }

  async #load(db: Db, tokens: readonly string[]): Promise<Map<string, KnownToken>> {
    const found = new Map<string, KnownToken>();
    for (const token of tokens) {
      const known = await findToken(db, token);
      if (!known) continue;
      found.set(token, known);
      const { accountId } = known.viewer;
      if (accountId === null) continue;
      const own = this.#tokensOf.get(accountId) ?? new Set();
      this.#tokensOf.set(accountId, own.add(token));
    }
    return found;
  }
}

async function findToken(db: Db, token: string): Promise<KnownToken | null> {
  const { rows } = await sql<{
    id: bigint;
    account_id: AccountId | null;
    app_id: bigint | null;
    scopes: string[];
    app_name: string | null;
    app_website: string | null;
    is_confirmed: boolean | null;
  }>`
    select t.id, t.account_id, t.app_id, t.scopes, p.name as app_name, p.website as app_website,
      c.confirmed_at is not null as is_confirmed
    from access_tokens t
    left join oauth_apps p on p.id = t.app_id
    left join accounts a on a.id = t.account_id
    left join credentials c on c.account_id = t.account_id
    where t.token_hash = ${hashSecret(token)} and a.suspended_at is null`.execute(db);
  const row = rows[0];
  if (!row) return null;
  return {
    viewer: {
      accountId: row.account_id,
      appId: row.app_id,
      application: row.app_name === null ? null : { name: row.app_name, website: row.app_website },
      tokenId: row.id,
      scopes: row.scopes,
    },
    state: row.account_id === null || row.is_confirmed ? "active" : "unconfirmed",
  };
}
