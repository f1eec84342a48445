/** Access tokens: random, stored as hashes, looked up once and remembered until they end. */
import { createHash, randomBytes } from "node:crypto";
import { type RawBuilder, sql } from "kysely";
import { LRUCache } from "lru-cache";
import { Forbidden, Unavailable } from "../core/errors.ts";
import { DEGRADED_KEPT_MS, TTL_RESOLUTION_MS } from "../core/guarded-cache.ts";
import { type AccountId, idsAsText } from "../core/ids.ts";
import { isDegraded } from "../core/read-only.ts";
import type { Viewer } from "../core/viewer.ts";
import type { Database, Db } from "../engines/database/pools.ts";
import type { SharedForm, SharedLevel } from "../engines/shared-cache/port.ts";

/** What a person's own scripts get. */
export const USER_SCOPES = ["profile", "read", "write", "follow", "push"] as const;

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
  const { rows } = await sql<{ created_at: Date }>`
    insert into access_tokens (token_hash, account_id, app_id, scopes, code_hash)
    select ${hashSecret(token)}, ${owner.accountId}::bigint, ${owner.appId}::bigint, ${[...owner.scopes]}::text[],
      ${owner.codeHash ?? null}::bytea
    where ${mayEnter(owner.accountId)} returning created_at`.execute(db);
  if (!rows[0]) throw new Forbidden(SUSPENDED);
  return { token, createdAt: rows[0].created_at };
}

export const SUSPENDED = "This account is suspended";

/**
 * Where something is written that lets an account in: a token, a code, a session. False for a suspended one. Otherwise
 * the account can't be suspended until the commit, so that the suspension finds what was written, and ends it; written
 * beside a suspension, it would work again when that ends. Nobody's, as an app's own token, is always true.
 */
export function mayEnter(accountId: AccountId | null): RawBuilder<boolean> {
  return sql`(${accountId}::bigint is null or exists (
    select 1 from accounts where id = ${accountId}::bigint and suspended_at is null for share))`;
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

/**
 * Ends an account's tokens and the codes they could still be had for. Codes come first: that waits for one that is just
 * being exchanged, and what it was exchanged for is there to be ended then. Who calls says so to running servers.
 */
export async function revokeAllTokens(db: Db, accountId: AccountId): Promise<void> {
  await sql`delete from oauth_codes where account_id = ${accountId}`.execute(db);
  await sql`delete from access_tokens where account_id = ${accountId}`.execute(db);
}

/** By what an app is known outside; null for one that is gone. */
export async function clientIdOf(db: Db, appId: bigint): Promise<string | null> {
  const row = await db
    .selectFrom("oauth_apps")
    .select("client_id")
    .where("id", "=", appId)
    .executeTakeFirst();
  return row?.client_id ?? null;
}

/** Why a token that exists isn't accepted. */
export type TokenState = "active" | "unconfirmed";

export interface KnownToken {
  readonly viewer: Viewer;
  readonly state: TokenState;
}

const MAX_TOKENS = 50_000;
const UNKNOWN = "The server can't tell now whether this access token is valid. Try again in a moment";

export interface TokenCacheOptions {
  readonly maxTokens?: number;
  /** A token is looked up again after this; null: never, as long as it's remembered. */
  readonly maxAgeMs?: number | null;
  /** What other processes have looked up. */
  readonly shared?: SharedLevel<string, KnownToken>;
}

/** By the token's hash: what is in there lets nobody in. */
export const sharedTokenForm: SharedForm<string, KnownToken> = {
  nameOf: (token) => `token1:${hashSecret(token).toString("base64url")}`,
  encode: (known) => Buffer.from(JSON.stringify(known, idsAsText)),
  decode: (bytes) => {
    const { viewer, state } = JSON.parse(bytes.toString()) as KnownToken;
    const idIn = (id: bigint | null) => (id === null ? null : BigInt(id));
    const { accountId, appId, tokenId } = viewer;
    const ids = { accountId: idIn(accountId), appId: idIn(appId), tokenId: BigInt(tokenId) };
    return { viewer: { ...viewer, ...ids }, state };
  },
};

/**
 * Tokens that were seen lately, by the token itself: a request then costs neither a query nor a hash. They are in this
 * process's memory anyway, with each request that carries them.
 *
 * A look-up that began before a token or an account was forgotten may have read what held before; its answer serves
 * the request that asked, and isn't remembered. Whose token it will turn out to be isn't known while it runs, so
 * forgetting anything overtakes all that are under way.
 */
export class TokenCache {
  readonly #database: Pick<Database, "readNow">;
  readonly #shared: SharedLevel<string, KnownToken> | null;
  readonly #known: LRUCache<string, KnownToken>;
  /** Which remembered tokens are an account's; an entry goes when its last token does. */
  readonly #tokensOf = new Map<AccountId, Set<string>>();
  readonly #loads = new Set<{ overtaken: boolean }>();

  constructor(
    database: Pick<Database, "readNow">,
    { maxTokens = MAX_TOKENS, maxAgeMs = null, shared }: TokenCacheOptions = {},
  ) {
    this.#database = database;
    this.#shared = shared ?? null;
    const ttl = maxAgeMs ?? 0;
    this.#known = new LRUCache({
      // By size, for which nothing is allotted ahead.
      maxSize: maxTokens,
      sizeCalculation: () => 1,
      ttl,
      ttlResolution: TTL_RESOLUTION_MS,
      dispose: (known, token) => this.#unlist(known, token),
    });
  }

  /** Null for a token that doesn't exist, was revoked, or whose account is suspended or not confirmed. */
  async get(token: string): Promise<Viewer | null> {
    const known = await this.find(token);
    return known?.state === "active" ? known.viewer : null;
  }

  /** Throws Unavailable when there is no saying whether it exists. */
  async find(token: string): Promise<KnownToken | null> {
    const known = this.#known.get(token);
    if (known) return known;
    const load = { overtaken: false };
    this.#loads.add(load);
    try {
      const shared = (await this.#shared?.getMany([token]))?.get(token);
      if (shared) {
        if (!load.overtaken) this.#remember(token, shared.value, shared.leftMs);
        return shared.value;
      }
      const start = this.#shared?.begin();
      const found = await this.#database.readNow(({ db }) => findToken(db, token));
      // A client that is told that its token has ended throws it away.
      if (!found && isDegraded()) throw new Unavailable(UNKNOWN);
      // Others may know better than a replica that stands in.
      if (found && start && !isDegraded()) this.#shared?.share(token, found, start);
      if (found && !load.overtaken) this.#remember(token, found, isDegraded() ? DEGRADED_KEPT_MS : undefined);
      return found;
    } finally {
      this.#loads.delete(load);
    }
  }

  /** The app's own tokens. It has one or two, and seldom ends them: looking for them among all is no matter. */
  forgetApp(appId: bigint): void {
    for (const [token, { viewer }] of this.#known.entries())
      if (viewer.accountId === null && viewer.appId === appId) this.#known.delete(token);
    this.#overtakeLoads();
  }

  forgetAccount(accountId: AccountId): void {
    for (const token of [...(this.#tokensOf.get(accountId) ?? [])]) this.#known.delete(token);
    this.#overtakeLoads();
  }

  clear(): void {
    this.#known.clear();
    this.#overtakeLoads();
  }

  usage(): { tokens: number; accounts: number } {
    return { tokens: this.#known.size, accounts: this.#tokensOf.size };
  }

  #remember(token: string, known: KnownToken, leftMs?: number): void {
    // First: what it replaces or pushes out is unlisted by this.
    this.#known.set(token, known, leftMs === undefined ? {} : { ttl: leftMs });
    const { accountId } = known.viewer;
    if (accountId === null) return;
    const own = this.#tokensOf.get(accountId) ?? new Set();
    this.#tokensOf.set(accountId, own.add(token));
  }

  #unlist({ viewer: { accountId } }: KnownToken, token: string): void {
    if (accountId === null) return;
    const own = this.#tokensOf.get(accountId);
    own?.delete(token);
    if (own?.size === 0) this.#tokensOf.delete(accountId);
  }

  #overtakeLoads(): void {
    for (const load of this.#loads) load.overtaken = true;
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
