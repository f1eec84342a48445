import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { type AccountLine, listAccounts, requireAccount } from "./account-queries.ts";
import { type Admin, openAdmin } from "./admin.ts";
import { wholeNumber } from "./arguments.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { examples, terminalOf } from "./invocation.ts";
import { addSettingFlags, configOf } from "./setting-flags.ts";
import { type Terminal, table } from "./terminal.ts";

export function accountsCommand(): Command {
  return new Command("accounts")
    .summary("make, list and suspend accounts")
    .description("Makes, lists and suspends accounts. Works whether or not the server runs.")
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(standingCommand("suspend", "end its sessions and hide it and its posts"))
    .addCommand(standingCommand("unsuspend", "give it back"))
    .addHelpText(
      "after",
      examples("npx roost accounts create alice --email alice@example.org", "npx roost accounts list"),
    );
}

interface CreateOptions {
  email?: string;
  passwordStdin?: boolean;
  input: boolean;
  json?: boolean;
}

function createCommand(): Command {
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
  const { config } = configOf(command);
  const asks = options.input && terminal.interactive && !options.passwordStdin;
  const wanted = asks ? await ask(terminal, username, options) : await take(terminal, username, options);
  const { registerAccount } = await import("../accounts/register.ts");
  await using admin = await openAdmin(config, { terminal });
  await registerAccount(admin.db, { ...wanted, agreement: true, confirmed: true });
  const account = await requireAccount(admin.db, wanted.username);
  const { generated, password } = wanted;
  if (options.json) return terminal.json({ ...asRecord(account), ...(generated ? { password } : {}) });
  terminal.data(`@${account.username} is made.`);
  if (generated) terminal.data(`Password: ${password}`);
  terminal.note(`Sign in at ${config.publicUrl} with ${wanted.email}.`);
}

interface Wanted {
  readonly username: string;
  readonly email: string;
  readonly password: string;
  /** Whether we made up the password, so that it must be told. */
  readonly generated: boolean;
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
  const given = options.passwordStdin ? (await terminal.input()).replace(/\r?\n$/, "") : null;
  if (given === "") throw new CommandError(exitCodes.usage, "--password-stdin got nothing from stdin.");
  const password = given ?? randomBytes(15).toString("base64url");
  return { username: username.replace(/^@/, ""), email: options.email, password, generated: given === null };
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
  const password = answer(
    await prompts.password({ message: "Password (empty: one is made up and shown)", output }),
  );
  const generated = password === "";
  return {
    username: name.replace(/^@/, ""),
    email,
    password: generated ? randomBytes(15).toString("base64url") : password,
    generated,
  };
}

function listCommand(): Command {
  const command = new Command("list")
    .summary("list accounts, newest first")
    .description("Lists accounts, newest first.")
    .option("--limit <number>", "at most this many", wholeNumber(1, 1_000_000), 100)
    .option("--suspended", "only those that are suspended")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      examples("npx roost accounts list --limit 20", "npx roost accounts list --suspended --json"),
    )
    .action(list);
  return addSettingFlags(command, ["DATA_DIR", "DATABASE_URL"]);
}

async function list(
  options: { limit: number; suspended?: boolean; json?: boolean },
  command: Command,
): Promise<void> {
  const terminal = terminalOf(command);
  await using admin = await openAdmin(configOf(command).config, { terminal });
  const accounts = await listAccounts(admin.db, {
    limit: options.limit,
    suspended: options.suspended === true,
  });
  if (options.json) return terminal.json(accounts.map(asRecord));
  const rows = accounts.map((account) => [
    `@${account.username}`,
    account.email ?? "",
    account.suspended ? "suspended" : account.confirmed ? "active" : "unconfirmed",
    account.createdAt.toISOString().slice(0, 10),
    `${account.id}`,
  ]);
  const [heading = "", ...lines] = table(["ACCOUNT", "E-MAIL", "STATE", "SINCE", "ID"], rows);
  terminal.data(terminal.paintData("bold", heading));
  for (const line of lines) terminal.data(line);
  if (accounts.length === options.limit) terminal.note(`The newest ${options.limit}; --limit shows more.`);
}

function standingCommand(verb: "suspend" | "unsuspend", effect: string): Command {
  const command = new Command(verb)
    .summary(effect)
    .description(`To ${verb} an account: ${effect}. At once, also in a running server.`)
    .argument("<account>", "username or e-mail address")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      examples(`npx roost accounts ${verb} mallory`, `npx roost accounts ${verb} mallory@example.org --json`),
    )
    .action(async (named: string, options: { json?: boolean }, called: Command) => {
      const terminal = terminalOf(called);
      await using admin = await openAdmin(configOf(called).config, { terminal });
      const before = await requireAccount(admin.db, named);
      await changeStanding(admin, before, verb);
      if (options.json) return terminal.json(asRecord(await requireAccount(admin.db, before.username)));
      const undo = verb === "suspend" ? ` Undo: roost accounts unsuspend ${before.username}` : "";
      const was = before.suspended === (verb === "suspend") ? "was already" : "is";
      terminal.data(`@${before.username} ${was} ${verb}ed.${undo}`);
    });
  return addSettingFlags(command, ["DATA_DIR", "DATABASE_URL"]);
}

async function changeStanding(
  { db }: Admin,
  account: AccountLine,
  verb: "suspend" | "unsuspend",
): Promise<void> {
  const { suspendAccount, unsuspendAccount } = await import("../accounts/suspend.ts");
  if (verb === "suspend") await suspendAccount(db, account.id);
  else await unsuspendAccount(db, account.id);
}

function asRecord(account: AccountLine): object {
  return { ...account, id: `${account.id}`, createdAt: account.createdAt.toISOString() };
}
