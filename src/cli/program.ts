/** The `roost` command: its subcommands, what they share, and how each ends. Commands load what is heavy themselves. */
import { Command, Option } from "commander";
import { accountsCommand } from "./accounts/command.ts";
import { benchCommand } from "./bench.ts";
import { clusterCommand } from "./cluster/command.ts";
import { completionCommand } from "./completion.ts";
import { configCommand } from "./config.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor/command.ts";
import { eventsCommand } from "./events/command.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { report } from "./failure.ts";
import { terminalOf, version } from "./invocation.ts";
import { mediaCommand } from "./media/command.ts";
import { migrateCommand } from "./migrate.ts";
import { roleCommands } from "./roles.ts";
import { shardsCommand } from "./shards/command.ts";
import { startCommand } from "./start.ts";
import { tokenCommand } from "./token.ts";

/** Runs what `argv` asks for; resolves to the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const program = roostProgram(argv);
  if (argv.length === 0) {
    program.outputHelp();
    return exitCodes.ok;
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
    return Number(process.exitCode ?? exitCodes.ok);
  } catch (error) {
    return report(error, terminalOf(program));
  }
}

function roostProgram(argv: readonly string[]): Command {
  const program = new Command("roost")
    .description("A home-timeline feed service with exact timelines, speaking the Mastodon client API.")
    .version(version(), "--version", "print the version")
    .option("-v, --verbose", "say more; show the stack of an error")
    .option("-q, --quiet", "say nothing but data and errors")
    .addOption(new Option("--color <when>", "colours").choices(["auto", "always", "never"]).default("auto"))
    .helpOption("-h, --help", "explain a command")
    .showHelpAfterError("Run it with --help to see how it is used.")
    .addHelpText(
      "after",
      `
${exitCodesHelp}

Examples:
  $ npx roost demo                  a server full of people, posts and activity to look at
  $ npx roost start --port 4000     a server of your own; settings: \`npx roost config\``,
    )
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  const groups: Record<string, Command[]> = {
    "Look around:": [demoCommand(), clusterCommand()],
    "Run a server:": [startCommand(), doctorCommand(), configCommand()],
    "Accounts and apps:": [accountsCommand(), tokenCommand()],
    "Run its parts on many machines:": roleCommands(),
    "Look after its data:": [migrateCommand(), mediaCommand(), eventsCommand(), shardsCommand()],
    "Other:": [benchCommand(argv), completionCommand()],
  };
  for (const [group, commands] of Object.entries(groups))
    for (const command of commands) program.addCommand(inheriting(command.helpGroup(group), program));
  return program;
}

/** Built apart from their parent, commands take over how it fails. */
function inheriting(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  // Written over several lines, a description is one paragraph: help wraps it to the terminal.
  command.description(command.description().replace(/(?<!\n)\n(?!\n)/g, " "));
  for (const child of command.commands) inheriting(child, parent);
  return command;
}
