import { Command } from "commander";
import type { Config } from "../config.ts";
import type { Database } from "../engines/database/pools.ts";
import { openAdmin } from "./admin.ts";
import { exitCodes } from "./exit-codes.ts";
import { examples, terminalOf } from "./invocation.ts";
import { addSettingFlags, configOf } from "./setting-flags.ts";

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
  const { migrationState, newerSchema } = await import("../engines/database/pools.ts");
  await using admin = await openAdmin(config, { terminal, migrates: false });
  const { pending, unknown } = await migrationState(admin.db);
  if (unknown.length > 0) throw newerSchema(unknown);
  const applied = options.dryRun ? [] : await admin.database.migrate();
  if (!options.dryRun) await migrateShards(config, admin.database);
  if (options.json) terminal.json({ pending: options.dryRun ? pending : [], applied });
  else if (pending.length === 0) terminal.data("The schema is up to date.");
  else terminal.data(`${options.dryRun ? "Would apply" : "Applied"}: ${pending.join(", ")}`);
  if (options.dryRun && pending.length > 0) process.exitCode = exitCodes.failed;
}

/** Opening them does. */
async function migrateShards(config: Config, main: Database): Promise<void> {
  if (config.shards.length === 0) return;
  const { openShards } = await import("../engines/database/shard-map.ts");
  const options = { poolSize: 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS, pastPooler: true, log: () => {} };
  await using _ = await openShards(main, config.shards, options);
}
