/** What stands at a database's address, asked before a server relies on it. */
import { sql } from "kysely";
import pg from "pg";
import { UnusableSetup } from "../../core/errors.ts";
import type { Database } from "./pools.ts";

const VERSION_MIN = 15;
const ANSWER_MS_MAX = 5_000;

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
  const refuse = (why: string, way: string): never => {
    throw new UnusableSetup(`${setting} names ${shownAddress(url)}, ${why}: ${way}`);
  };
  await using client = await connected(url).catch((error) => refuse(...reasonOf(error)));
  const row = await factsOf(client).catch((error) => refuse(...reasonOf(error)));
  const version = Math.floor(Number(row.version) / 10_000);
  if (version < VERSION_MIN) refuse(`a PostgreSQL ${version}`, `version ${VERSION_MIN} or later is needed`);
  if (row.encoding !== "UTF8")
    refuse(`a database that keeps text as ${row.encoding}`, "create one with encoding 'UTF8'");
  if (use === "pooled") return;
  if (!row.may_create)
    refuse(
      `where ${row.role} may make no tables`,
      `make ${row.role} the owner of the database, or grant create on its schema public`,
    );
  if (row.pid !== client.processID && (await changesSessions(client, url)))
    refuse(
      "a pooler in transaction mode",
      `name PostgreSQL itself in ${DIRECT_SETTING[setting] ?? "a setting for direct addresses"}`,
    );
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
  readonly role: string;
  readonly pid: number;
  readonly may_create: boolean;
}

type Connected = pg.Client & AsyncDisposable & { readonly processID?: number };

async function connected(url: string): Promise<Connected> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
  });
  client.on("error", () => {});
  const end = () => client.end().catch(() => {});
  await client.connect().catch(async (error) => {
    await end();
    throw error;
  });
  return Object.assign(client, { [Symbol.asyncDispose]: end });
}

async function factsOf(client: Connected): Promise<Facts> {
  const { rows } = await client.query<Facts>(`select current_setting('server_version_num') as version,
    current_setting('server_encoding') as encoding, current_user as role, pg_backend_pid() as pid,
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

function reasonOf({ code = "", message }: Error & { code?: string }): [why: string, way: string] {
  if (code.startsWith("28") || /password must be a string/.test(message))
    return ["which refuses to let us in", "correct the user or the password"];
  // PgBouncer says it without a code of its own.
  if (code === "3D000" || /database .* does not exist|no such database/i.test(message))
    return ["which has no such database", "create it, or correct its name"];
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return ["a host nobody knows", "correct its name"];
  if (code === "ECONNREFUSED") return ["where nothing listens", "start PostgreSQL, or correct the address"];
  // What speaks another protocol closes, answers nonsense, or waits for ever.
  const isOther = /terminated unexpectedly|unknown message|timeout/i.test(message);
  if (isOther)
    return ["which doesn't answer as a PostgreSQL does", "correct the address, or look why it hangs"];
  return [`which can't be used (${message})`, "mend that, or correct the address"];
}

/** Without user and password. */
export function shownAddress(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
