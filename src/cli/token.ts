import { Command } from "commander";
import { requireAccount } from "./accounts/queries.ts";
import { openAdmin } from "./admin.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { examples, terminalOf } from "./invocation.ts";
import { addSettingFlags, configOf } from "./setting-flags.ts";

export function tokenCommand(): Command {
  const create = new Command("create")
    .summary("print an access token for an account")
    .description("Prints an access token with all user scopes for an account, and nothing else.")
    .argument("<account>", "username or e-mail address")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      examples(
        "TOKEN=$(npx roost token create alice)",
        'curl -H "Authorization: Bearer $TOKEN" http://localhost:3000/api/v1/timelines/home',
      ),
    )
    .action(createToken);
  addSettingFlags(create, ["DATA_DIR", "DATABASE_URL"]);
  return new Command("token")
    .summary("make access tokens for scripts")
    .description("Makes access tokens for scripts.")
    .addCommand(create)
    .addHelpText("after", examples("npx roost token create alice"));
}

async function createToken(named: string, options: { json?: boolean }, command: Command): Promise<void> {
  const terminal = terminalOf(command);
  const { config } = configOf(command);
  const { createAccessToken, USER_SCOPES } = await import("../accounts/tokens.ts");
  await using admin = await openAdmin(config, { terminal });
  const account = await requireAccount(admin.db, named);
  if (account.suspended) {
    throw new CommandError(
      exitCodes.notAllowed,
      `@${account.username} is suspended; its tokens wouldn't work.`,
      {
        hint: `roost accounts unsuspend ${account.username}`,
      },
    );
  }
  const { token } = await createAccessToken(admin.db, {
    accountId: account.id,
    appId: null,
    scopes: USER_SCOPES,
  });
  if (options.json) terminal.json({ access_token: token, account: account.username, scopes: USER_SCOPES });
  else terminal.data(token);
}
