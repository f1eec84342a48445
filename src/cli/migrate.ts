import { Command } from "commander";
import type { Config } from "../config.ts";
import type { Database } from "../engines/database/pools.ts";
import { type Admin, embeddedFolder, openAdmin } from "./admin.ts";
import { exitCodes } from "./exit-codes.ts";
import { examples, terminalOf } from "./invocation.ts";
import { addSettingFlags, configOf } from "./setting-flags.ts";
import type { Terminal } from "./terminal.ts";

const STATEMENT_TIMEOUT_MS = 600_000;

export function migrateCommand(): Command {
  const command = new Command("migrate")
    .summary("bring the database schema up to date")
    .description(
      "Brings the database schema up to date. `roost start` does so by itself; run it again at any time.",
    )
    .option("-n, --dry-run", "only say what would be applied; exit 1 if there is something")
    .option("--json", "as JSON")
    .addHelpText("after", examples("npx roost migrate", "npx roost migrate --dry-run --json"))
    .action(run);
  return addSettingFlags(command, ["DATA_DIR", "DATABASE_URL", "SHARD_URLS", "SHARD_DIRECT_URLS"]);
}

async function run(options: { dryRun?: boolean; json?: boolean }, command: Command): Promise<void> {
  const terminal = terminalOf(command);
  const { config } = configOf(command);
  const { pending, applied } = options.dryRun
    ? { pending: await pendingOf(config, terminal), applied: [] }
    : await migrate(config, terminal);
  if (options.json) terminal.json({ pending: options.dryRun ? pending : [], applied });
  else if (pending.length === 0) terminal.data("The schema is up to date.");
  else terminal.data(`${options.dryRun ? "Would apply" : "Applied"}: ${pending.join(", ")}`);
  if (options.dryRun && pending.length > 0) process.exitCode = exitCodes.failed;
}

/** What would be applied. Where no database is yet, none is made. */
async function pendingOf(config: Config, terminal: Terminal): Promise<string[]> {
  if (config.database.kind === "embedded" && !(await embeddedFolder(config.dataDir))) {
    const { migrations } = await import("../engines/database/migrations/list.ts");
    return Object.keys(migrations);
  }
  await using admin = await openAdmin(config, { terminal, migrates: false });
  return knownPending(admin);
}

async function migrate(
  config: Config,
  terminal: Terminal,
): Promise<{ pending: string[]; applied: string[] }> {
  await using admin = await openAdmin(config, { terminal, migrates: false, creates: true });
  const pending = await knownPending(admin);
  const applied = await admin.database.migrate();
  await migrateShards(config, admin.database);
  return { pending, applied };
}

async function knownPending({ db }: Admin): Promise<string[]> {
  const { migrationState, newerSchema } = await import("../engines/database/pools.ts");
  const { pending, unknown } = await migrationState(db);
  if (unknown.length > 0) throw newerSchema(unknown);
  return pending;
}

/** Opening them does. */
async function migrateShards(config: Config, main: Database): Promise<void> {
  if (config.shards.length === 0) return;
  const { openShards } = await import("../engines/database/shard-map.ts");
  const options = { poolSize: 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS, pastPooler: true, log: () => {} };
  await using _ = await openShards(main, config.shards, options);
}
