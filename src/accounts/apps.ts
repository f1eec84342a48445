/** OAuth clients, and the codes they exchange for tokens. */
import { createHash, timingSafeEqual } from "node:crypto";
import { sql } from "kysely";
import { Forbidden, Invalid } from "../core/errors.ts";
import type { AccountId } from "../core/ids.ts";
import type { Db } from "../engines/database/pools.ts";
import { createAccessToken, hashSecret, mayEnter, type NewToken, newSecret, SUSPENDED } from "./tokens.ts";

export const OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob";
const CODE_MINUTES = 10;
const MAX_REDIRECT_URIS = 20;
const MAX_URI_CHARACTERS = 2_000;
const MAX_NAME_CHARACTERS = 120;
/** Schemes that run or show something in the browser instead of going to an app. */
const FORBIDDEN_SCHEMES = new Set(["javascript:", "data:", "vbscript:", "file:", "blob:", "about:"]);

export const SCOPES = new Set(
  [
    "profile follow push read write",
    "read:accounts read:blocks read:bookmarks read:favourites read:filters read:follows read:lists read:mutes",
    "read:notifications read:search read:statuses read:me",
    "write:accounts write:blocks write:bookmarks write:conversations write:favourites write:filters write:follows",
    "write:lists write:media write:mutes write:notifications write:reports write:statuses",
  ].flatMap((line) => line.split(" ")),
);

/** The built-in client of the web app: migration 0014 makes it. */
export function isWebClient({ clientId }: Pick<OAuthApp, "clientId">): boolean {
  return clientId === "roost-web";
}

/** Apps for moderators ask for them beside the others. Nothing is behind them here, whoever has them. */
const ADMIN_SCOPE =
  /^admin:(read|write)(:(accounts|reports|domain_allows|domain_blocks|ip_blocks|email_domain_blocks|canonical_email_blocks))?$/;

export interface OAuthApp {
  readonly id: bigint;
  readonly clientId: string;
  readonly name: string;
  readonly website: string | null;
  readonly redirectUris: readonly string[];
  readonly scopes: readonly string[];
}

export async function registerApp(
  db: Db,
  input: { name: string; website: string | null; redirectUris: readonly string[]; scopes: readonly string[] },
): Promise<{ app: OAuthApp; clientSecret: string }> {
  checkApp(input);
  const clientId = newSecret();
  const clientSecret = newSecret();
  const row = await db
    .insertInto("oauth_apps")
    .values({
      client_id: clientId,
      client_secret_hash: hashSecret(clientSecret),
      name: input.name,
      website: input.website,
      redirect_uris: [...input.redirectUris],
      scopes: [...input.scopes],
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return { app: { id: row.id, clientId, ...input }, clientSecret };
}

export async function findApp(db: Db, clientId: string): Promise<OAuthApp | null> {
  const row = await findRow(db, clientId);
  return row ? appOf(row) : null;
}

/** Null for an unknown client and a wrong secret alike. */
export async function authenticateApp(
  db: Db,
  clientId: string,
  clientSecret: string,
): Promise<OAuthApp | null> {
  const row = await findRow(db, clientId);
  return row && timingSafeEqual(row.client_secret_hash, hashSecret(clientSecret)) ? appOf(row) : null;
}

/** Throws Invalid unless all are scopes, within those the app registered. */
export function checkScopes(asked: readonly string[], app: Pick<OAuthApp, "scopes"> | null): void {
  for (const scope of asked) {
    if (!SCOPES.has(scope) && !ADMIN_SCOPE.test(scope))
      throw new Invalid(`The scope ${scope.slice(0, 60)} is unknown`);
    if (app && !app.scopes.includes(scope) && !app.scopes.includes(scope.replace(/:\w+$/, ""))) {
      throw new Invalid(`The app didn't register the scope ${scope}`);
    }
  }
}

export interface CodeRequest {
  readonly appId: bigint;
  readonly accountId: AccountId;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly codeChallenge: string | null;
}

export async function issueCode(db: Db, request: CodeRequest): Promise<string> {
  const code = newSecret();
  const { rows } = await sql`insert into oauth_codes (code_hash, app_id, account_id, redirect_uri, scopes,
      code_challenge, code_challenge_method, expires_at)
    select ${hashSecret(code)}, ${request.appId}, ${request.accountId}, ${request.redirectUri},
      ${[...request.scopes]}::text[], ${request.codeChallenge}, ${request.codeChallenge === null ? null : "S256"},
      now() + ${CODE_MINUTES} * interval '1 minute'
    where ${mayEnter(request.accountId)} returning 1`.execute(db);
  if (rows.length === 0) throw new Forbidden(SUSPENDED);
  return code;
}

/**
 * Exchanges a code, once. Null when it's unknown, expired, another app's, or the verifier is wrong. A code that is
 * used a second time was stolen, by one of the two: the tokens made of it end.
 */
export async function exchangeCode(
  db: Db,
  app: OAuthApp,
  input: { code: string; redirectUri: string; codeVerifier: string | null },
): Promise<
  (NewToken & { scopes: readonly string[]; accountId: AccountId }) | { reusedBy: AccountId | null }
> {
  const codeHash = hashSecret(input.code);
  return db.transaction().execute(async (tx) => {
    // The account before the code, as a suspension takes them; the other way round the two would wait for each other.
    await sql`select from accounts where id = (select account_id from oauth_codes where code_hash = ${codeHash})
      for share`.execute(tx);
    const { rows } = await sql<CodeRow>`select *, expires_at < now() as expired from oauth_codes
      where code_hash = ${codeHash} and app_id = ${app.id} for update`.execute(tx);
    const code = rows[0];
    if (!code) return { reusedBy: null };
    if (code.used_at) {
      await sql`delete from access_tokens where code_hash = ${codeHash}`.execute(tx);
      return { reusedBy: code.account_id };
    }
    if (code.expired || code.redirect_uri !== input.redirectUri || !verifies(code, input.codeVerifier)) {
      return { reusedBy: null };
    }
    await sql`update oauth_codes set used_at = now() where code_hash = ${codeHash}`.execute(tx);
    const owner = { accountId: code.account_id, appId: app.id, scopes: code.scopes, codeHash };
    return { ...(await createAccessToken(tx, owner)), scopes: code.scopes, accountId: code.account_id };
  });
}

interface CodeRow {
  account_id: AccountId;
  redirect_uri: string;
  scopes: string[];
  code_challenge: string | null;
  used_at: Date | null;
  expired: boolean;
}

/** RFC 7636: a code asked for with a challenge needs its verifier; one asked for without must come without. */
function verifies(code: CodeRow, verifier: string | null): boolean {
  if (code.code_challenge === null) return verifier === null;
  if (verifier === null) return false;
  return createHash("sha256").update(verifier).digest("base64url") === code.code_challenge;
}

function checkApp(input: {
  name: string;
  website: string | null;
  redirectUris: readonly string[];
  scopes: readonly string[];
}) {
  if (input.name.trim() === "") throw new Invalid("Validation failed: client_name can't be blank");
  if (input.name.length > MAX_NAME_CHARACTERS) {
    throw new Invalid(`Validation failed: client_name can have ${MAX_NAME_CHARACTERS} characters at most`);
  }
  if (input.website !== null && !/^https?:\/\/[^\s]+$/.test(input.website)) {
    throw new Invalid("Validation failed: website must be an http or https address");
  }
  if (input.redirectUris.length === 0) throw new Invalid("Validation failed: redirect_uris can't be blank");
  if (input.redirectUris.length > MAX_REDIRECT_URIS) {
    throw new Invalid(`Validation failed: ${MAX_REDIRECT_URIS} redirect_uris are the most`);
  }
  for (const uri of input.redirectUris) {
    if (!isRedirectUri(uri))
      throw new Invalid("Validation failed: each of redirect_uris must be an absolute URI");
  }
  checkScopes(input.scopes, null);
}

function isRedirectUri(uri: string): boolean {
  if (uri === OUT_OF_BAND) return true;
  if (uri.length > MAX_URI_CHARACTERS || !URL.canParse(uri)) return false;
  const { protocol, hash } = new URL(uri);
  return !FORBIDDEN_SCHEMES.has(protocol) && hash === "";
}

type AppRow = NonNullable<Awaited<ReturnType<typeof findRow>>>;

async function findRow(db: Db, clientId: string) {
  if (clientId.includes("\0")) return undefined;
  return db.selectFrom("oauth_apps").selectAll().where("client_id", "=", clientId).executeTakeFirst();
}

function appOf(row: AppRow): OAuthApp {
  return {
    id: row.id,
    clientId: row.client_id,
    name: row.name,
    website: row.website,
    redirectUris: row.redirect_uris,
    scopes: row.scopes,
  };
}
