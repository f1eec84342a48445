import { Command } from "commander";
import { ConfigError, type LoadedConfig } from "../../config.ts";
import { exitCodes } from "../exit-codes.ts";
import { sentence } from "../failure.ts";
import { examples, terminalOf } from "../invocation.ts";
import { addSettingFlags, configOf } from "../setting-flags.ts";
import type { Style, Terminal } from "../terminal.ts";

/** What a check found. Only "failed" keeps Roost from working. */
export interface Finding {
  readonly status: "ok" | "warning" | "failed" | "skipped";
  readonly says: string;
  /** The command or the change that mends it. */
  readonly mend?: string;
}

export interface Check {
  readonly name: string;
  readonly run: (loaded: LoadedConfig, terminal: Terminal) => Promise<Finding> | Finding;
}

export function doctorCommand(): Command {
  const command = new Command("doctor")
    .summary("check what Roost needs, and say how to mend it")
    .description(
      "Checks all that Roost needs, in numbered steps, each with the way to mend it. Changes nothing. Exits with 1 when a check fails.",
    )
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      examples(
        "npx roost doctor",
        "npx roost doctor --json | jq '.checks[] | select(.status == \"failed\")'",
      ),
    )
    .action(doctor);
  return addSettingFlags(command, ["PORT", "DATA_DIR", "DATABASE_URL"]);
}

async function doctor(options: { json?: boolean }, command: Command): Promise<void> {
  const terminal = terminalOf(command);
  const loaded = load(command);
  const checks = loaded instanceof ConfigError ? [] : await allChecks();
  const found: (Finding & { name: string })[] = [settingsFinding(loaded)];
  if (!options.json) show(terminal, 1, found[0]);
  for (const check of checks) {
    const finding = { name: check.name, ...(await runCheck(check, loaded as LoadedConfig, terminal)) };
    found.push(finding);
    if (!options.json) show(terminal, found.length, finding);
  }
  const failed = found.filter((finding) => finding.status === "failed").length;
  const warnings = found.filter((finding) => finding.status === "warning").length;
  if (options.json) terminal.json({ ok: failed === 0, checks: found });
  else terminal.data(`\n${verdict(failed, warnings)}`);
  if (failed > 0) process.exitCode = exitCodes.failed;
}

function load(command: Command): LoadedConfig | ConfigError {
  try {
    return configOf(command);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

function settingsFinding(loaded: LoadedConfig | ConfigError): Finding & { name: string } {
  const name = "Settings";
  if (loaded instanceof ConfigError) {
    return {
      name,
      status: "failed",
      says: loaded.mistakes.join("; "),
      mend: "correct them, then run doctor again",
    };
  }
  if (loaded.misspelt.length > 0)
    return { name, status: "warning", says: loaded.misspelt.join("; "), mend: "correct or remove them" };
  const set = loaded.effective.filter(({ source }) => source !== "default").length;
  return { name, status: "ok", says: set === 0 ? "all as they come" : `${set} set, all valid` };
}

async function allChecks(): Promise<Check[]> {
  const [
    { machineChecks },
    { databaseChecks },
    { moreDatabaseChecks },
    { redisChecks },
    { kafkaChecks },
    { mediaChecks },
    { outsideChecks },
  ] = await Promise.all([
    import("./machine.ts"),
    import("./database.ts"),
    import("./more-databases.ts"),
    import("./redis.ts"),
    import("./kafka.ts"),
    import("./media.ts"),
    import("./outside.ts"),
  ]);
  return [
    ...machineChecks,
    ...databaseChecks,
    ...moreDatabaseChecks,
    ...redisChecks,
    ...kafkaChecks,
    ...mediaChecks,
    ...outsideChecks,
  ];
}

/** A check that itself breaks has found something too. */
async function runCheck(check: Check, loaded: LoadedConfig, terminal: Terminal): Promise<Finding> {
  try {
    return await check.run(loaded, terminal);
  } catch (error) {
    return { status: "failed", says: sentence(error instanceof Error ? error.message : String(error)) };
  }
}

const MARKS: Record<Finding["status"], readonly [string, Style]> = {
  ok: ["ok", "green"],
  warning: ["look", "yellow"],
  failed: ["FAIL", "red"],
  skipped: ["skip", "dim"],
};

function show(terminal: Terminal, number: number, finding: (Finding & { name: string }) | undefined): void {
  if (!finding) return;
  const [word, style] = MARKS[finding.status];
  const mark = terminal.paintData(style, word.padEnd(4));
  terminal.data(`${String(number).padStart(2)}  ${mark}  ${finding.name.padEnd(16)}  ${finding.says}`);
  if (finding.mend) terminal.data(`${" ".repeat(28)}→ ${finding.mend}`);
}

function verdict(failed: number, warnings: number): string {
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
  if (failed > 0) return `${count(failed, "check")} failed.`;
  return warnings > 0 ? `Roost can run; ${count(warnings, "thing")} to look at.` : "All is well.";
}
