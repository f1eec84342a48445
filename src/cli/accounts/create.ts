import { Command } from "commander";
import { addressOfServer, openAdmin } from "../admin.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { examples, terminalOf } from "../invocation.ts";
import { addSettingFlags, configOf } from "../setting-flags.ts";
import type { Terminal } from "../terminal.ts";
import { askForPassword, madeUpPassword, type Password, passwordFromInput } from "./password.ts";
import { asRecord, requireAccount } from "./queries.ts";

interface CreateOptions {
  email?: string;
  passwordStdin?: boolean;
  input: boolean;
  json?: boolean;
}

export function createCommand(): Command {
  const command = new Command("create")
    .summary("make an account")
    .description(
      `Makes an account that needs no confirmation. What isn't given is asked for on a terminal; elsewhere a password is
made up and printed.`,
    )
    .argument("[username]", "letters, digits and underscores")
    .option("--email <address>", "the e-mail address to sign in with")
    .option("--password-stdin", "read the password from stdin")
    .option("--no-input", "ask nothing")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      examples(
        "npx roost accounts create alice --email alice@example.org",
        'echo "$PASSWORD" | npx roost accounts create bob --email bob@example.org --password-stdin',
      ),
    )
    .action(create);
  return addSettingFlags(command, ["DATA_DIR", "DATABASE_URL"]);
}

async function create(username: string | undefined, options: CreateOptions, command: Command): Promise<void> {
  const terminal = terminalOf(command);
  const { config, sources } = configOf(command);
  const asks = options.input && terminal.interactive && !options.passwordStdin;
  const wanted = asks ? await ask(terminal, username, options) : await take(terminal, username, options);
  const { registerAccount } = await import("../../accounts/register.ts");
  await using admin = await openAdmin(config, { terminal, creates: true });
  await registerAccount(admin.db, { ...wanted, agreement: true, confirmed: true });
  const account = await requireAccount(admin.db, wanted.username);
  const { generated, password } = wanted;
  if (options.json) return terminal.json({ ...asRecord(account), ...(generated ? { password } : {}) });
  terminal.data(`@${account.username} is made.`);
  if (generated) terminal.data(`Password: ${password}`);
  const isFree = config.port === 0 && sources.PUBLIC_URL === "default";
  const url = admin.serverRuns ? addressOfServer(config) : isFree ? null : config.publicUrl;
  terminal.note(`Sign in${url === null ? "" : ` at ${url}`} with ${wanted.email}.`);
}

interface Wanted extends Password {
  readonly username: string;
  readonly email: string;
}

async function take(
  terminal: Terminal,
  username: string | undefined,
  options: CreateOptions,
): Promise<Wanted> {
  if (username === undefined || options.email === undefined) {
    const missing = username === undefined ? "a username" : "--email";
    throw new CommandError(exitCodes.usage, `${missing} is missing.`, {
      hint: "For example: roost accounts create alice --email alice@example.org",
    });
  }
  const chosen = options.passwordStdin
    ? { password: await passwordFromInput(terminal), generated: false }
    : madeUpPassword();
  return { username: username.replace(/^@/, ""), email: options.email, ...chosen };
}

async function ask(
  terminal: Terminal,
  username: string | undefined,
  options: CreateOptions,
): Promise<Wanted> {
  const prompts = await import("@clack/prompts");
  const output = terminal.stderr;
  const required = (value: string | undefined) => (value ? undefined : "This is needed.");
  const answer = (value: string | symbol): string => {
    if (typeof value === "string") return value;
    throw new CommandError(exitCodes.interrupted, "Nothing was made.");
  };
  const name = username ?? answer(await prompts.text({ message: "Username", validate: required, output }));
  const email =
    options.email ?? answer(await prompts.text({ message: "E-mail address", validate: required, output }));
  const chosen = await askForPassword(terminal, "Password");
  return { username: name.replace(/^@/, ""), email, ...chosen };
}
