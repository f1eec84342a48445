/** What stands at a database's address, asked before a server relies on it. */
import pg from "pg";
import { UnusableSetup } from "../../core/errors.ts";

const VERSION_MIN = 15;
const ANSWER_MS_MAX = 5_000;

/** Throws UnusableSetup, naming the setting and the address without its password, unless a PostgreSQL lets us in. */
export async function requirePostgres(setting: string, url: string): Promise<void> {
  const refuse = (why: string, way: string): never => {
    throw new UnusableSetup(`${setting} names ${shown(url)}, ${why}: ${way}`);
  };
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string }>("show server_version_num");
    const version = Math.floor(Number(Object.values(rows[0] ?? {})[0]) / 10_000);
    if (version < VERSION_MIN) refuse(`a PostgreSQL ${version}`, `version ${VERSION_MIN} or later is needed`);
  } catch (error) {
    if (error instanceof UnusableSetup) throw error;
    refuse(...reasonOf(error as Error & { code?: string }));
  } finally {
    await client.end().catch(() => {});
  }
}

function reasonOf({ code = "", message }: Error & { code?: string }): [why: string, way: string] {
  if (code.startsWith("28")) return ["which refuses to let us in", "correct the user or the password"];
  if (code === "3D000") return ["which has no such database", "create it, or correct its name"];
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return ["a host nobody knows", "correct its name"];
  if (code === "ECONNREFUSED") return ["where nothing listens", "start PostgreSQL, or correct the address"];
  // What speaks another protocol closes, answers nonsense, or waits for ever.
  const isOther = /terminated unexpectedly|unknown message|timeout/i.test(message);
  if (isOther)
    return ["which doesn't answer as a PostgreSQL does", "correct the address, or look why it hangs"];
  return [`which can't be used (${message})`, "mend that, or correct the address"];
}

function shown(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
