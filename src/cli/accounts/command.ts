import { Command } from "commander";
import { type Admin, openAdmin } from "../admin.ts";
import { wholeNumber } from "../arguments.ts";
import { examples, terminalOf } from "../invocation.ts";
import { addSettingFlags, configOf } from "../setting-flags.ts";
import { table } from "../terminal.ts";
import { createCommand } from "./create.ts";
import { passwordCommand } from "./password.ts";
import { type AccountLine, asRecord, listAccounts, requireAccount } from "./queries.ts";

export function accountsCommand(): Command {
  return new Command("accounts")
    .summary("make, list and suspend accounts; change a password")
    .description(
      "Makes, lists and suspends accounts, and changes passwords. Works whether or not the server runs.",
    )
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(passwordCommand())
    .addCommand(standingCommand("suspend", "end its sessions and hide it and its posts"))
    .addCommand(standingCommand("unsuspend", "give it back"))
    .addHelpText(
      "after",
      examples("npx roost accounts create alice --email alice@example.org", "npx roost accounts list"),
    );
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
  const { suspendAccount, unsuspendAccount } = await import("../../accounts/suspend.ts");
  if (verb === "suspend") await suspendAccount(db, account.id);
  else await unsuspendAccount(db, account.id);
}
