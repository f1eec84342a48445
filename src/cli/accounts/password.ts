import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { openAdmin } from "../admin.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { examples, terminalOf } from "../invocation.ts";
import { addSettingFlags, configOf } from "../setting-flags.ts";
import type { Terminal } from "../terminal.ts";
import { asRecord, requireAccount } from "./queries.ts";

export interface Password {
  readonly password: string;
  /** Whether we made it up, so that it must be told. */
  readonly generated: boolean;
}

export function passwordCommand(): Command {
  const command = new Command("password")
    .summary("give it another password")
    .description(
      `Gives an account another password, and ends its sessions and tokens: whoever knew the old one is out. Asks for the
password on a terminal; elsewhere reads it from stdin.`,
    )
    .argument("<account>", "username or e-mail address")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      examples(
        "npx roost accounts password alice",
        'echo "$PASSWORD" | npx roost accounts password alice@example.org',
      ),
    )
    .action(change);
  return addSettingFlags(command, ["DATA_DIR", "DATABASE_URL"]);
}

async function change(named: string, options: { json?: boolean }, command: Command): Promise<void> {
  const terminal = terminalOf(command);
  const { config } = configOf(command);
  const { changePassword } = await import("../../accounts/credentials.ts");
  await using admin = await openAdmin(config, { terminal });
  // Before anybody thinks of a password for an account that isn't there.
  const account = await requireAccount(admin.db, named);
  const { password, generated } = terminal.interactive
    ? await askForPassword(terminal, `New password of @${account.username}`)
    : { password: await passwordFromInput(terminal), generated: false };
  await changePassword(admin.db, account.id, password);
  if (options.json) return terminal.json({ ...asRecord(account), ...(generated ? { password } : {}) });
  terminal.data(`@${account.username} has another password. Its sessions and tokens have ended.`);
  if (generated) terminal.data(`Password: ${password}`);
}

export function madeUpPassword(): Password {
  return { password: randomBytes(15).toString("base64url"), generated: true };
}

export async function askForPassword(terminal: Terminal, message: string): Promise<Password> {
  const { password: prompt } = await import("@clack/prompts");
  const given = await prompt({
    message: `${message} (empty: one is made up and shown)`,
    output: terminal.stderr,
  });
  if (typeof given !== "string") throw new CommandError(exitCodes.interrupted, "Nothing was changed.");
  return given === "" ? madeUpPassword() : { password: given, generated: false };
}

/** What is piped in, without the line's end. */
export async function passwordFromInput(terminal: Terminal): Promise<string> {
  const given = (await terminal.input()).replace(/\r?\n$/, "");
  if (given !== "") return given;
  throw new CommandError(exitCodes.usage, "No password came from stdin.", {
    hint: 'Pipe it in: echo "$PASSWORD" | roost accounts …',
  });
}
