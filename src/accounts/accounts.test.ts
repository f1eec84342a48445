/** Making accounts, passwords, tokens and their cache, on a real database. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Forbidden, Invalid } from "../core/errors.ts";
import { shardOfId } from "../core/ids.ts";
import { type EmbeddedServer, startEmbeddedServer } from "../engines/database/embedded-server.ts";
import { Database, type Db, migrate } from "../engines/database/pools.ts";
import { exchangeCode, issueCode, OUT_OF_BAND, registerApp } from "./apps.ts";
import { changePassword, verifyPassword } from "./credentials.ts";
import { registerAccount } from "./register.ts";
import { createSession, endSession, findSession } from "./sessions.ts";
import { suspendAccount, unsuspendAccount } from "./suspend.ts";
import { createAccessToken, revokeAllTokens, sharedTokenForm, TokenCache } from "./tokens.ts";

const SLOW_MS = 120_000;
const PASSWORD = "a long enough password";
let folder: string;
let server: EmbeddedServer;
let database: Database;
let db: Db;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "roost-accounts-"));
  chmodSync(folder, 0o755);
  server = await startEmbeddedServer({ dataDir: folder, log: () => undefined });
  const { connection } = server;
  database = new Database({ connection, poolSize: 8, statementTimeoutMs: 15_000, log: () => undefined });
  db = database.db;
  await migrate(db);
}, SLOW_MS);

afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}, SLOW_MS);

const input = (username: string, more: object = {}) => ({
  username,
  email: `${username}@example.org`,
  password: PASSWORD,
  agreement: true,
  confirmed: true,
  ...more,
});
const make = async (username: string) => (await registerAccount(db, input(username))).accountId;
const count = async (table: string) =>
  (await sql<{ n: bigint }>`select count(*) as n from ${sql.table(table)}`.execute(db)).rows[0]?.n;

async function mistakesOf(registration: ReturnType<typeof input>): Promise<Record<string, string[]>> {
  const error = await registerAccount(db, registration).catch((thrown: unknown) => thrown);
  if (!(error instanceof Invalid)) throw new Error("it should have been refused");
  expect(error.message).toMatch(/^Validation failed: \S/);
  const entries = Object.entries(error.details ?? {});
  return Object.fromEntries(entries.map(([field, found]) => [field, found.map(({ error: code }) => code)]));
}

describe("signing up", () => {
  test("makes everything that belongs to an account, on a shard of its own", async () => {
    const ids = await Promise.all(["a1", "a2", "a3", "a4", "a5", "a6"].map(make));
    expect(new Set(ids.map(shardOfId)).size).toBeGreaterThan(1);
    for (const table of ["credentials", "follow_counts", "author_counts", "relation_epochs"])
      expect(await count(table)).toBe(await count("accounts"));
  });

  test("tells all mistakes at once, and changes nothing", async () => {
    const before = await count("accounts");
    const wrong = { username: "", email: "", password: "", agreement: false, confirmed: true };
    expect(await mistakesOf(wrong)).toEqual({
      username: ["ERR_BLANK"],
      email: ["ERR_BLANK"],
      password: ["ERR_BLANK"],
      agreement: ["ERR_ACCEPTED"],
    });
    expect(await count("accounts")).toBe(before);
  });

  test.each<[string, string]>([
    ["a'; drop table accounts; --", "ERR_INVALID"],
    ["nul\0nul", "ERR_INVALID"],
    ["zoë", "ERR_INVALID"],
    ["a b", "ERR_INVALID"],
    ["x".repeat(31), "ERR_TOO_LONG"],
    ["x".repeat(100_000), "ERR_TOO_LONG"],
    ["Admin", "ERR_RESERVED"],
  ])("the username %j is refused", async (username, code) => {
    expect(await mistakesOf(input("x", { username, email: "free@example.org" }))).toEqual({
      username: [code],
    });
  });

  test.each([
    "wren",
    "wren@",
    "wren@localhost",
    "a@b@example.org",
    "wren@example.org\0",
    "wren@example.org\r\nBcc: owl@example.org",
    "a,owl@example.org",
    "Owl<owl@example.org>",
    "wren (owl)@example.org",
    `${"x".repeat(250)}@example.org`,
  ])("the address %j is refused", async (email) => {
    expect(await mistakesOf(input("free_name", { email }))).toEqual({ email: ["ERR_INVALID"] });
  });

  test("a password is neither short nor endless", async () => {
    expect(await mistakesOf(input("free_name", { password: "seven77" }))).toEqual({
      password: ["ERR_TOO_SHORT"],
    });
    const endless = input("free_name", { password: "x".repeat(257) });
    expect(await mistakesOf(endless)).toEqual({ password: ["ERR_TOO_LONG"] });
  });

  test("a name is taken whatever its case; of many at once one gets it, and the others are told", async () => {
    await make("robin");
    expect(await mistakesOf(input("ROBIN", { email: "Robin@Example.org" }))).toEqual({
      username: ["ERR_TAKEN"],
      email: ["ERR_TAKEN"],
    });
    const tries = Array.from({ length: 8 }, (_, i) =>
      registerAccount(db, input("jay", { email: i < 4 ? "jay@example.org" : `jay${i}@example.org` })),
    );
    const settled = await Promise.allSettled(tries);
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of settled)
      if (result.status === "rejected") expect(result.reason).toBeInstanceOf(Invalid);
  });
});

describe("passwords", () => {
  test("go with the username or the address, as people type them", async () => {
    const accountId = await make("Magpie");
    for (const login of ["magpie", " @Magpie ", "MAGPIE@example.ORG"])
      expect(await verifyPassword(db, login, PASSWORD)).toEqual({ accountId, confirmed: true });
    for (const login of ["", "@", "magpie\0", "' or 1=1 --", "magpie@example.or", "%"])
      expect(await verifyPassword(db, login, PASSWORD)).toBeNull();
    expect(await verifyPassword(db, "magpie", `${PASSWORD} `)).toBeNull();
    expect(await verifyPassword(db, "magpie", "x".repeat(100_000))).toBeNull();
  });

  test("are kept as argon2id", async () => {
    const { rows } = await sql<{
      hash: string;
    }>`select password_hash as hash from credentials limit 1`.execute(db);
    expect(rows[0]?.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  test("are looked for by an index, however many accounts there are", async () => {
    await sql`insert into accounts (id, username) select i, 'many' || i from generate_series(1, 20000) i`.execute(
      db,
    );
    await sql`insert into credentials (account_id, email, password_hash)
      select i, 'many' || i || '@example.org', 'x' from generate_series(1, 20000) i`.execute(db);
    await sql`analyze accounts, credentials`.execute(db);
    // One connection, whose counts are there as soon as it says so.
    const { connection } = server;
    const options = { connection, poolSize: 1, statementTimeoutMs: 15_000, log: () => undefined };
    await using own = new Database(options);
    const scans = async () => {
      await sql`select pg_stat_force_next_flush()`.execute(own.db);
      const { rows } = await sql<{ seq: bigint; idx: bigint }>`
        select sum(seq_scan)::bigint as seq, sum(idx_scan)::bigint as idx from pg_stat_user_tables
        where relname in ('accounts', 'credentials')`.execute(own.db);
      return rows[0] ?? { seq: 0n, idx: 0n };
    };
    const before = await scans();
    for (const login of ["many7@example.org", "many7", "nobody"])
      await verifyPassword(own.db, login, "x").catch(() => null);
    const after = await scans();
    expect(after.seq).toBe(before.seq);
    expect(after.idx).toBeGreaterThan(before.idx);
  });

  test("an unknown name takes about as long as a wrong password", async () => {
    await make("dunnock");
    const timeOf = async (login: string) => {
      const times: number[] = [];
      for (let i = 0; i < 7; i++) {
        const startedMs = performance.now();
        await verifyPassword(db, login, "wrong wrong wrong");
        times.push(performance.now() - startedMs);
      }
      return times.sort((a, b) => a - b)[1] ?? 0;
    };
    const [known, unknown] = [await timeOf("dunnock"), await timeOf("nobody_here")];
    // Without the decoy it's a fiftieth.
    expect(unknown).toBeGreaterThan(known / 4);
  });

  test("changing one ends every session and token", async () => {
    const accountId = await make("siskin");
    const cache = new TokenCache(database);
    const { token } = await createAccessToken(db, { accountId, appId: null, scopes: ["read"] });
    const { id } = await createSession(db, accountId);
    await expect(changePassword(db, accountId, "short")).rejects.toBeInstanceOf(Invalid);
    await changePassword(db, accountId, "another long password");
    expect([await cache.get(token), await findSession(db, id)]).toEqual([null, null]);
    expect(await verifyPassword(db, "siskin", PASSWORD)).toBeNull();
    expect(await verifyPassword(db, "siskin", "another long password")).toMatchObject({ accountId });
  });
});

describe("sessions and tokens", () => {
  test("lie in the database as hashes only", async () => {
    const accountId = await make("linnet");
    const { token } = await createAccessToken(db, { accountId, appId: null, scopes: ["read"] });
    const { id } = await createSession(db, accountId);
    const { rows } = await sql<{ row: string }>`select t::text as row from access_tokens t
      union all select s::text from web_sessions s`.execute(db);
    const all = rows.map(({ row }) => row).join("\n");
    for (const secret of [token, id])
      for (const form of [secret, Buffer.from(secret).toString("hex")]) expect(all).not.toContain(form);
    await endSession(db, id);
    expect(await findSession(db, id)).toBeNull();
  });

  test("are shared as hashes and what they allow, and come back as they were", async () => {
    const accountId = await make("greenfinch");
    const { token } = await createAccessToken(db, { accountId, appId: null, scopes: ["read", "write"] });
    const known = await new TokenCache(database).find(token);
    const { nameOf, encode, decode } = sharedTokenForm;
    expect(known && decode(encode(known))).toEqual(known);
    expect(`${nameOf(token)} ${known && encode(known)}`).not.toContain(token);
  });

  test("of a suspended account end, and don't come back with it", async () => {
    const accountId = await make("twite");
    const cache = new TokenCache(database);
    const { token } = await createAccessToken(db, { accountId, appId: null, scopes: ["read"] });
    const { id } = await createSession(db, accountId);
    await suspendAccount(db, accountId);
    expect([await cache.get(token), await findSession(db, id)]).toEqual([null, null]);
    expect(await verifyPassword(db, "twite", PASSWORD)).toBeNull();
    await unsuspendAccount(db, accountId);
    expect([await cache.get(token), await findSession(db, id)]).toEqual([null, null]);
    expect(await verifyPassword(db, "twite", PASSWORD)).toMatchObject({ accountId });
  });
});

describe("a suspension", () => {
  const enterings: [string, (accountId: bigint) => Promise<unknown>][] = [
    ["a token", (accountId) => createAccessToken(db, { accountId, appId: null, scopes: ["read"] })],
    ["a session", (accountId) => createSession(db, accountId)],
    ["a code", async (accountId) => codeFor(accountId, await oobApp())],
  ];

  test.each(enterings)("isn't overtaken by %s that is just being made", async (_, enter) => {
    const accountId = await make(`late_${accounts++}`);
    let entering: Promise<unknown> = Promise.resolve();
    await db.transaction().execute(async (tx) => {
      await sql`update accounts set suspended_at = now() where id = ${accountId}`.execute(tx);
      entering = enter(accountId).catch((error: unknown) => error);
      await expect.poll(waiting).toBeGreaterThan(0);
    });
    expect(await entering).toBeInstanceOf(Forbidden);
  });

  test("ends a token whose code was being exchanged, and neither waits for the other forever", async () => {
    const accountId = await make("exchanging");
    const app = await oobApp();
    const code = await codeFor(accountId, app);
    let exchanging: ReturnType<typeof exchangeCode> | undefined;
    let suspending: Promise<void> | undefined;
    await db.transaction().execute(async (tx) => {
      // Holds the exchange up just before it writes its token.
      await sql`lock table access_tokens in share mode`.execute(tx);
      exchanging = exchangeCode(db, app, { code, redirectUri: OUT_OF_BAND, codeVerifier: null });
      await expect.poll(waiting).toBe(1);
      suspending = suspendAccount(db, accountId);
      await expect.poll(waiting).toBe(2);
    });
    const exchanged = await exchanging;
    await suspending;
    if (!exchanged || !("token" in exchanged)) throw new Error("the exchange came first");
    await unsuspendAccount(db, accountId);
    expect(await new TokenCache(database).get(exchanged.token)).toBeNull();
  });

  let accounts = 0;
  const oobApp = async () =>
    (
      await registerApp(db, {
        name: "Nest",
        website: null,
        redirectUris: [OUT_OF_BAND],
        scopes: ["read"],
      })
    ).app;
  const codeFor = (accountId: bigint, { id: appId }: { id: bigint }) =>
    issueCode(db, { appId, accountId, redirectUri: OUT_OF_BAND, scopes: ["read"], codeChallenge: null });
  /** How many statements wait for a lock. */
  const waiting = async () => {
    const { rows } = await sql<{ n: bigint }>`select count(*) as n from pg_stat_activity
      where wait_event_type = 'Lock'`.execute(db);
    return Number(rows[0]?.n);
  };
});

describe("the cache of tokens", () => {
  const owned = async (username: string) => {
    const accountId = await make(username);
    const made = await createAccessToken(db, { accountId, appId: null, scopes: ["read"] });
    return { accountId, token: made.token };
  };

  test("asks the database once, until the token or its account is forgotten", async () => {
    const { accountId, token } = await owned("crossbill");
    const cache = new TokenCache(database);
    expect(await cache.get(token)).toMatchObject({ accountId, scopes: ["read"], application: null });
    await revokeAllTokens(db, accountId);
    expect(await cache.get(token)).toMatchObject({ accountId });
    cache.forgetAccount(accountId);
    expect(await cache.get(token)).toBeNull();
    expect(cache.usage()).toEqual({ tokens: 0, accounts: 0 });
  });

  test.each<[string, (cache: TokenCache, of: { accountId: bigint; token: string }) => void]>([
    ["account", (cache, { accountId }) => cache.forgetAccount(accountId)],
    ["app", (cache) => cache.forgetApp(1n)],
    ["everything", (cache) => cache.clear()],
  ])("a look-up under way while it forgets (%s) isn't remembered", async (what, forget) => {
    const own = await owned(`race_${what}`);
    const cache = new TokenCache(database);
    // Its query has begun, and may read what held before the deletion that follows.
    const underWay = cache.get(own.token);
    forget(cache, own);
    await underWay;
    await revokeAllTokens(db, own.accountId);
    expect(cache.usage()).toEqual({ tokens: 0, accounts: 0 });
    expect(await cache.get(own.token)).toBeNull();
  });

  test("is bounded, and so is what it knows of whose tokens those are", async () => {
    const cache = new TokenCache(database, { maxTokens: 3 });
    for (let i = 0; i < 6; i++) await cache.get((await owned(`bounded${i}`)).token);
    expect(cache.usage()).toEqual({ tokens: 3, accounts: 3 });
  });
});
