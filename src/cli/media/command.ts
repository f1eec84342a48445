/** Whether the media store and the databases agree, and making them. */
import { Command } from "commander";
import { systemClock } from "../../core/clock.ts";
import { createLogger } from "../../core/telemetry/log.ts";
import type { AuditContext, Disagreement } from "../../media/audit.ts";
import { openAdmin } from "../admin.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { examples, terminalOf } from "../invocation.ts";
import { Progress } from "../progress.ts";
import { addSettingFlags, configOf } from "../setting-flags.ts";
import type { Terminal } from "../terminal.ts";

const STATEMENT_TIMEOUT_MS = 600_000;
/** Below it, that most of what there is disagrees is no sign of a wrong store. */
const SUSPICIOUS_COUNT = 20;
const SETTINGS = ["DATA_DIR", "DATABASE_URL", "SHARD_URLS", "S3_BUCKET", "S3_ENDPOINT"] as const;

export function mediaCommand(): Command {
  return new Command("media")
    .summary("what the media store and the database disagree on, and mending it")
    .description(
      "Compares the files that are stored with the rows that name them. Works whether or not the server runs.",
    )
    .addCommand(auditCommand())
    .addCommand(gcCommand())
    .addHelpText("after", examples("npx roost media audit", "npx roost media gc"));
}

function auditCommand(): Command {
  const command = new Command("audit")
    .summary("list files that nothing names, rows without their files, and rows that nothing needs")
    .description(
      `Lists files that nothing names, rows whose files are missing, and rows that nothing needs and that won't go by
themselves. Changes nothing; exits with 1 if there are some. Files of the last hour are left out, which may be uploads.`,
    )
    .option("--json", "as JSON, one object a line")
    .addHelpText("after", examples("npx roost media audit", "npx roost media audit --json | jq .key"))
    .action(async (options: { json?: boolean }, called: Command) => {
      const terminal = terminalOf(called);
      const { disagreements, unusedRows } = await import("../../media/audit.ts");
      await using opened = await open(called, terminal);
      const { context, progress } = opened;
      const tell = (line: string, record: object) => {
        progress.clear();
        terminal.data(options.json ? JSON.stringify(record) : line);
      };
      let count = 0;
      for await (const { ids } of unusedRows(context)) {
        count += ids.length;
        for (const id of ids) tell(`row   media ${id}: nothing needs it`, { kind: "unused", id: `${id}` });
      }
      for await (const one of disagreements(context)) {
        count++;
        tell(...described(one));
      }
      progress.clear();
      if (count === 0) return terminal.note("Store and database agree.");
      terminal.note(`${count} found. \`roost media gc\` mends them.`);
      process.exitCode = exitCodes.failed;
    });
  return addSettingFlags(command, SETTINGS);
}

function gcCommand(): Command {
  const command = new Command("gc")
    .summary("mend what audit lists")
    .description(
      `Deletes files that nothing names, and rows that nothing needs with their files; takes pictures whose files are missing
out of posts and profiles. What is missing one of its two sizes shows the other. Interrupted, run it again.`,
    )
    .option("--yes", "also when most of the files, or of the rows, are to go")
    .option("--json", "as JSON")
    .addHelpText("after", examples("npx roost media gc", "npx roost media gc --json"))
    .action(async (options: { json?: boolean; yes?: boolean }, called: Command) => {
      const terminal = terminalOf(called);
      const { disagreements, mend, releaseUnused, unusedRows } = await import("../../media/audit.ts");
      await using opened = await open(called, terminal);
      const { context, progress } = opened;
      if (!options.yes) await requirePlausible(opened);
      const done = { unusedFiles: 0, deletedFiles: 0, deletedBytes: 0, mendedRows: 0, failures: 0 };
      const onDeleted = (sizeBytes: number) => {
        done.deletedFiles++;
        done.deletedBytes += sizeBytes;
      };
      const onFailed = () => done.failures++;
      const { deleteExpiredMedia } = await import("../../media/expiry.ts");
      const { notifyInvalidation } = await import("../../engines/database/invalidation-channel.ts");
      for await (const { database, ids } of unusedRows(context))
        done.unusedFiles += await releaseUnused(database, ids);
      await deleteExpiredMedia({ store: context.store, onDeleted, onFailed }, context.databases);
      for await (const one of disagreements(context)) {
        const stale = await mend(context, one);
        if (one.kind === "file") onDeleted(one.sizeBytes);
        else done.mendedRows++;
        if (Object.keys(stale).length > 0) await notifyInvalidation(opened.db, stale);
      }
      progress.clear();
      if (options.json) terminal.json(done);
      else terminal.data(summaryOf(done));
      if (done.failures > 0) process.exitCode = exitCodes.tryLater;
    });
  return addSettingFlags(command, SETTINGS);
}

type Opened = Awaited<ReturnType<typeof open>>;

/** A store or a database that is another one than it was disagrees with nearly everything. */
async function requirePlausible({ context, counts }: Opened): Promise<void> {
  const { disagreements } = await import("../../media/audit.ts");
  const wrong = { file: 0, row: 0 };
  for await (const { kind } of disagreements(context)) wrong[kind]++;
  const isMost = (count: number, all: number) => count > SUSPICIOUS_COUNT && 2 * count > all;
  const { files, names } = counts();
  const says = isMost(wrong.file, files)
    ? `${wrong.file} of ${files} files in the store are named by nothing in the database.`
    : isMost(wrong.row, names)
      ? `${wrong.row} of ${names} files that the database names are missing in the store.`
      : null;
  if (says === null) return;
  throw new CommandError(exitCodes.config, `${says} Nothing was changed.`, {
    hint: "Is this the right store, and the right database? If so, say --yes.",
  });
}

function described(one: Disagreement): [line: string, record: object] {
  if (one.kind === "file") {
    const { key, sizeBytes, ageMs } = one;
    const ageHours = Math.floor(ageMs / 3_600_000);
    const record = { kind: "file", key, sizeBytes, ageHours };
    return [
      `file  ${key}: nothing names it (${counted(sizeBytes, "byte")}, ${counted(ageHours, "hour")} old)`,
      record,
    ];
  }
  const { what, id, key } = one;
  const whose = what === "media" ? `media ${id}` : `${what} of account ${id}`;
  return [`row   ${whose}: ${key} is missing`, { kind: "row", what, id: `${id}`, key }];
}

function summaryOf(done: {
  deletedFiles: number;
  deletedBytes: number;
  mendedRows: number;
  failures: number;
}): string {
  const { deletedFiles, deletedBytes, mendedRows, failures } = done;
  const later = failures > 0 ? ` ${counted(failures, "file")} couldn't be deleted; run it again.` : "";
  const files = `${counted(deletedFiles, "file")} (${counted(deletedBytes, "byte")})`;
  return `Deleted ${files}, and mended ${counted(mendedRows, "row")}.${later}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

async function open(command: Command, terminal: Terminal) {
  const { config } = configOf(command);
  await using opened = new AsyncDisposableStack();
  const { openShards } = await import("../../engines/database/shard-map.ts");
  const { openMediaStore } = await import("../../composition/engines.ts");
  const { database, db } = opened.use(await openAdmin(config, { terminal }));
  const options = { poolSize: 2, statementTimeoutMs: STATEMENT_TIMEOUT_MS, pastPooler: true, log: () => {} };
  const shards = opened.use(await openShards(database, config.shards, options));
  const store = opened.use(await openMediaStore(config, { log: createLogger("silent"), isUsed: true }));
  const progress = new Progress({ terminal, clock: systemClock });
  let files = 0;
  let names = 0;
  const context: AuditContext = {
    databases: shards.all,
    store,
    onProgress: (done, total, listed) => {
      names = total;
      files = listed;
      progress.update(done, total, "comparing");
    },
  };
  const closing = opened.move();
  return {
    db,
    context,
    progress,
    /** Of the last comparison. */
    counts: () => ({ files, names }),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
