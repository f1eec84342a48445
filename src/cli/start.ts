import { Command } from "commander";
import { ROLES } from "../core/roles.ts";
import { processesOption } from "./arguments.ts";
import { examples, terminalOf } from "./invocation.ts";
import { introduce, serveInProcesses } from "./serve.ts";
import { addSettingFlags, configOf, MAIN_SETTINGS } from "./setting-flags.ts";

export function startCommand(): Command {
  const command = new Command("start")
    .summary("run the server")
    .description(
      `Runs the server until Ctrl-C or SIGTERM: it finishes the requests under way, at most 10 s, and exits with 0.
Without DATABASE_URL it keeps a PostgreSQL of its own in DATA_DIR. Only this machine can reach it unless HOST is set.`,
    )
    .addHelpText(
      "after",
      examples(
        "npx roost start --port 4000",
        "HOST=0.0.0.0 PUBLIC_URL=https://roost.example DATABASE_URL_FILE=/run/secrets/db npx roost start",
      ),
    )
    .addOption(processesOption(1))
    .action(start);
  return addSettingFlags(command, MAIN_SETTINGS);
}

async function start({ processes }: { processes: number }, command: Command): Promise<void> {
  const terminal = terminalOf(command);
  const loaded = configOf(command);
  const { config, sources } = loaded;
  await serveInProcesses({ loaded, terminal, roles: ROLES, processes }, (ready) => {
    introduce(ready, terminal);
    if (!terminal.watched) return;
    const how =
      config.signUps === "open"
        ? "sign up in the browser, or run `npx roost accounts create`"
        : "run `npx roost accounts create` (sign-ups are closed)";
    terminal.note(`  Next: ${how}. Another terminal will do; this one is the server's.`);
    if (sources.HOST === "default") {
      terminal.note("  Only this machine can reach it; HOST=0.0.0.0 opens it to your network.");
    }
    terminal.note(terminal.paint("dim", "  Ctrl-C stops it."));
  });
}
