/** What stands at a database's address, asked before a server relies on it. */
import type { Socket } from "node:net";
import { sql } from "kysely";
import pg from "pg";
import { within } from "../../core/clock.ts";
import { UnusableSetup } from "../../core/errors.ts";
import type { Database } from "./pools.ts";

const VERSION_MIN = 15;
const ANSWER_MS_MAX = 5_000;
/** Replicas are looked at beside each other, and a start waits no longer for one that hangs: it can do without. */
const REPLICA_ANSWER_MS_MAX = 1_000;
/** Connecting and two questions; what froze between them ends no deadline of its own. */
const REPLICA_MS_MAX = 2_000;

/**
 * What an address is named for. "pooled": may lead through a pooler in transaction mode. "direct": must not, and tables
 * are made there.
 */
export type AddressUse = "pooled" | "direct";

/** Throws UnusableSetup, naming the setting and the address without its password, unless a PostgreSQL lets us in. */
export async function requirePostgres(
  setting: string,
  url: string,
  use: AddressUse = "pooled",
): Promise<void> {
  const refuse = refusing(setting, url);
  await using client = await connected(url).catch((error) => refuse(reasonOf(error)));
  const row = await usableFactsOf(client, refuse);
  if (use === "pooled") return;
  if (!row.may_create)
    refuse({
      why: `where ${row.role} may make no tables`,
      way: `make ${row.role} the owner of the database, or grant create on its schema public`,
    });
  if (row.pid !== client.processID && (await changesSessions(client, url)))
    refuse({
      why: "a pooler in transaction mode",
      way: `name PostgreSQL itself in ${DIRECT_SETTING[setting] ?? "a setting for direct addresses"}`,
    });
}

/** Why an address can't be used, and what to do. */
interface Reason {
  readonly why: string;
  readonly way: string;
  /** Whether the same address may be right later, without anybody's doing. "replayed": once a replica has caught up. */
  readonly mayPass?: "away" | "replayed";
}

class UnusableDatabase extends UnusableSetup {
  readonly reason: Reason;

  constructor(message: string, reason: Reason) {
    super(message, { isAway: reason.mayPass === "away" });
    this.reason = reason;
  }
}

type Refuse = (reason: Reason) => never;

function refusing(setting: string, url: string): Refuse {
  return (reason) => {
    const { why, way } = reason;
    throw new UnusableDatabase(`${setting} names ${shownAddress(url)}, ${why}: ${way}`, reason);
  };
}

async function usableFactsOf(client: Connected, refuse: Refuse): Promise<Facts> {
  const row = await factsOf(client).catch((error) => refuse(reasonOf(error)));
  const version = Math.floor(Number(row.version) / 10_000);
  if (version < VERSION_MIN)
    refuse({ why: `a PostgreSQL ${version}`, way: `version ${VERSION_MIN} or later is needed` });
  if (row.encoding !== "UTF8")
    refuse({
      why: `a database that keeps text as ${row.encoding}`,
      way: "create one with encoding 'UTF8'",
    });
  return row;
}

export interface ReplicaProblem {
  /** The setting, the address without its password, and what to do. */
  readonly says: string;
  /** It may be right when it is back. What isn't away is wrong for certain. */
  readonly isAway: boolean;
}

/**
 * What is wrong with addresses that are to be replicas of the database at `primaryUrl`. The primary may be among them:
 * after a fail-over another node is it. Whether one is near enough to take reads is for the router to watch.
 */
export async function problemsOfReplicas(
  primaryUrl: string,
  urls: readonly string[],
): Promise<ReplicaProblem[]> {
  // Whoever needs it says so if it's away: here, replicas can't be compared with it then.
  const primary = await placeOf(primaryUrl).catch(() => null);
  const problems = await Promise.all(urls.map((url) => problemOfReplica(url, primary)));
  return problems.filter((problem) => problem !== null);
}

async function problemOfReplica(url: string, primary: Place | null): Promise<ReplicaProblem | null> {
  const refuse = refusing("DATABASE_REPLICA_URLS", url);
  try {
    const late = () => new Error("timeout");
    const asked = requireReplica(url, primary, refuse);
    await within(asked, REPLICA_MS_MAX, late).catch((error) => {
      throw error instanceof UnusableDatabase ? error : refuse(reasonOf(error));
    });
    return null;
  } catch (error) {
    if (!(error instanceof UnusableDatabase)) throw error;
    const { mayPass } = error.reason;
    // A database that was made just now isn't everywhere yet; one of another name than the primary's never will be.
    const isComing = mayPass === "replayed" && (primary === null || primary.name === nameIn(url));
    return { says: error.message, isAway: mayPass === "away" || isComing };
  }
}

async function requireReplica(url: string, primary: Place | null, refuse: Refuse): Promise<void> {
  await using client = await connected(url, REPLICA_ANSWER_MS_MAX).catch((error) => refuse(reasonOf(error)));
  const { name } = await usableFactsOf(client, refuse);
  const system = await systemOf(client);
  if (primary === null) return;
  if (system !== null && primary.system !== null && system !== primary.system)
    refuse({
      why: "which is no replica of the PostgreSQL that DATABASE_URL names",
      way: "name replicas of that one, or unset DATABASE_REPLICA_URLS",
    });
  if (name !== primary.name)
    refuse({
      why: `which is another database than ${primary.name}, which DATABASE_URL names`,
      way: "name the same one, on a replica",
    });
}

/** Which database of which PostgreSQL: what its replicas have in common with it. */
interface Place {
  /** What `initdb` made, once; null where the role may not ask. */
  readonly system: string | null;
  readonly name: string;
}

async function placeOf(url: string): Promise<Place> {
  await using client = await connected(url);
  const { name } = await factsOf(client);
  return { name, system: await systemOf(client) };
}

async function systemOf(client: Connected): Promise<string | null> {
  const text = "select system_identifier::text as system from pg_control_system()";
  try {
    return (await client.query<{ system: string }>(text)).rows[0]?.system ?? null;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === "42501") return null;
    throw error;
  }
}

function nameIn(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

const DIRECT_SETTING: Readonly<Record<string, string>> = {
  DATABASE_URL: "DATABASE_DIRECT_URL",
  DATABASE_DIRECT_URL: "DATABASE_DIRECT_URL",
  SHARD_URLS: "SHARD_DIRECT_URLS",
  SHARD_DIRECT_URLS: "SHARD_DIRECT_URLS",
};

interface Facts {
  readonly version: string;
  readonly encoding: string;
  readonly name: string;
  readonly role: string;
  readonly pid: number;
  readonly may_create: boolean;
}

type Connected = pg.Client & AsyncDisposable & { readonly processID?: number };

async function connected(url: string, answerMsMax = ANSWER_MS_MAX): Promise<Connected> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: answerMsMax,
    query_timeout: answerMsMax,
  });
  client.on("error", () => {});
  const end = () => client.end().catch(() => {});
  await client.connect().catch(async (error) => {
    await end();
    throw Object.assign(error, { wasHeard: bytesReadBy(client) > 0 });
  });
  return Object.assign(client, { [Symbol.asyncDispose]: end });
}

/** A balancer that has nobody behind it closes without a word; what speaks another protocol says something first. */
function bytesReadBy(client: pg.Client): number {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream.bytesRead;
}

async function factsOf(client: Connected): Promise<Facts> {
  const { rows } = await client.query<Facts>(`select current_setting('server_version_num') as version,
    current_setting('server_encoding') as encoding, current_database() as name, current_user as role,
    pg_backend_pid() as pid,
    coalesce(has_schema_privilege(to_regnamespace('public')::oid, 'create'), false)
      or to_regclass('public.kysely_migration') is not null as may_create`);
  return rows[0] as Facts;
}

/** Whether a connection gets another session as soon as somebody else has taken the one it had. */
async function changesSessions(client: Connected, url: string): Promise<boolean> {
  await using other = await connected(url);
  const sessionOf = async (asked: Connected) =>
    (await asked.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]?.pid;
  const before = await sessionOf(client);
  await other.query("begin");
  const now = await sessionOf(client);
  await other.query("rollback");
  return now !== before;
}

/** Throws UnusableSetup when a direct address leads to another database than the pooled one. */
export async function requireSameDatabase(
  database: Database,
  [setting, url]: readonly [setting: string, url: string],
  [directSetting, directUrl]: readonly [setting: string, url: string],
): Promise<void> {
  const text = "select id from database_identity";
  const direct = await database.dedicated();
  try {
    const { rows } = await direct.query<{ id: string }>(text);
    // Of one that was never migrated nothing can be asked.
    const pooled = await sql<{ id: string }>`${sql.raw(text)}`.execute(database.db).catch(() => null);
    if (pooled?.rows[0]?.id === rows[0]?.id) return;
  } finally {
    await direct.end();
  }
  throw new UnusableSetup(
    `${directSetting} names ${shownAddress(directUrl)} where ${setting} names ${shownAddress(url)}, which is another database: ` +
      "name the same ones, in the same order",
  );
}

function reasonOf(error: Error & { code?: string; wasHeard?: boolean }): Reason {
  const { code = "", message, wasHeard = false } = error;
  if (code.startsWith("28") || /password must be a string/.test(message))
    return { why: "which refuses to let us in", way: "correct the user or the password" };
  // PgBouncer says it without a code of its own.
  if (code === "3D000" || /database .* does not exist|no such database/i.test(message))
    return {
      why: "which has no such database",
      way: "create it, or correct its name",
      mayPass: "replayed",
    };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return { why: "a host nobody knows", way: "correct its name", mayPass: "away" };
  if (code === "ECONNREFUSED")
    return {
      why: "where nothing listens",
      way: "start PostgreSQL, or correct the address",
      mayPass: "away",
    };
  // What speaks another protocol closes, answers nonsense, or waits for ever.
  const isOther = /terminated unexpectedly|unknown message|timeout/i.test(message);
  if (isOther)
    return {
      why: "which doesn't answer as a PostgreSQL does",
      way: "correct the address, or look why it hangs",
      ...(wasHeard && !/timeout/i.test(message) ? {} : { mayPass: "away" }),
    };
  return {
    why: `which can't be used (${message})`,
    way: "mend that, or correct the address",
    mayPass: "away",
  };
}

/** Without user and password. */
export function shownAddress(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
