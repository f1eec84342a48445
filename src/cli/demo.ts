import { spawn } from "node:child_process";
import { Command } from "commander";
import type { Roost } from "../composition.ts";
import { type Config, isReachedByOthers, type LoadedConfig } from "../config.ts";
import { systemClock } from "../core/clock.ts";
import { ROLES } from "../core/roles.ts";
import { DEMO_LOGIN } from "../demo/guest.ts";
import type { DemoSummary } from "../demo/load.ts";
import { madeUpPassword } from "./accounts/password.ts";
import { wholeNumber } from "./arguments.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { examples, terminalOf } from "./invocation.ts";
import { Progress } from "./progress.ts";
import { introduce, requireEmbedded, serve } from "./serve.ts";
import { addSettingFlags, configOf, MAIN_SETTINGS } from "./setting-flags.ts";
import { framed, type Terminal } from "./terminal.ts";

export function demoCommand(): Command {
  const command = new Command("demo")
    .summary("run a server full of people, posts and activity")
    .description(
      `Runs the server with made-up people who follow each other and go on posting. The people are loaded once, the
first time; later runs go on from there. The demo has a folder of its own, ./demo-data: to begin anew, remove it. Only
where nobody else can reach it does everybody know its password.`,
    )
    .option("--open", "open it in the browser")
    .option("--no-replay", "load the people and posts, but let nothing happen by itself")
    .option("--rate <posts>", "new posts a minute", wholeNumber(1, 6_000), 18)
    .option("--force", "also with DATABASE_URL: fill that database")
    .addHelpText(
      "after",
      examples("npx roost demo --open", "npx roost demo --port 4000 --data-dir /tmp/another"),
    )
    .action(demo);
  return addSettingFlags(command, MAIN_SETTINGS);
}

const DATA_DIR = "./demo-data";

async function demo(
  options: { replay: boolean; rate: number; force?: boolean; open?: boolean },
  command: Command,
): Promise<void> {
  const terminal = terminalOf(command);
  const loaded = asDemo(configOf(command, { DATA_DIR }));
  if (!options.force) requireEmbedded(loaded.config, "`roost demo`");
  if (loaded.config.shards.length > 0) {
    throw new CommandError(exitCodes.usage, "The demo fills one database, and SHARD_URLS names several.", {
      hint: "Unset SHARD_URLS.",
    });
  }
  await serve({ loaded, terminal, roles: ROLES, isDemo: true }, async (serving) => {
    const { roost, stopping, log } = serving;
    const { loadDemo } = await import("../demo/load.ts");
    const { holdsOthers } = await import("../demo/presence.ts");
    if (!options.force && (await holdsOthers(roost.database.db))) {
      throw new CommandError(
        exitCodes.notAllowed,
        `${roost.config.dataDir} holds a server with accounts of its own, and the demo would mix with them.`,
        { hint: "Choose another DATA_DIR, or leave it out: the demo has a folder of its own." },
      );
    }
    const progress = new Progress({ terminal, clock: systemClock });
    const summary = await loadDemo(roost, {
      mediaStore: roost.api.mediaStore,
      nowMs: systemClock.nowMs(),
      onProgress: (done, total, label) => {
        if (!stopping.aborted) progress.update(done, total, label);
      },
    });
    progress.clear();
    const password = await passwordFor(roost);
    introduce(serving, terminal);
    showLogin(roost.config, { ...summary, login: { ...summary.login, password } }, terminal);
    if (options.open) openInBrowser(roost.config.publicUrl, terminal);
    if (!options.replay) return;
    const { startReplay } = await import("../demo/replay.ts");
    startReplay(roost, { signal: stopping, ratePerMinute: options.rate }).catch((error: unknown) => {
      if (!stopping.aborted) log.log.error({ err: error }, "the replay of activity stopped");
    });
  });
}

/** Where only this machine's own people can come, anybody may look around as the demo's account. */
function asDemo(loaded: LoadedConfig): LoadedConfig {
  const { config } = loaded;
  const demo = isReachedByOthers(config) ? null : { ...DEMO_LOGIN, login: DEMO_LOGIN.username };
  return { ...loaded, config: { ...config, demo } };
}

/** The published one, or one made up for this run: whom others can reach, they shall not be able to be. */
async function passwordFor({ config, database }: Roost): Promise<string> {
  const { changePassword, verifyPassword } = await import("../accounts/credentials.ts");
  const { db } = database;
  const published = await verifyPassword(db, DEMO_LOGIN.username, DEMO_LOGIN.password);
  if (config.demo && published) return DEMO_LOGIN.password;
  const { password } = config.demo ? DEMO_LOGIN : madeUpPassword();
  const { id } = await db
    .selectFrom("accounts")
    .select("id")
    .where("username", "=", DEMO_LOGIN.username)
    .executeTakeFirstOrThrow();
  await changePassword(db, id, password);
  return password;
}

function openInBrowser(url: string, terminal: Terminal): void {
  const [program, args] =
    process.platform === "darwin"
      ? ["open", [url]]
      : process.platform === "win32"
        ? ["cmd", ["/c", "start", "", url]]
        : ["xdg-open", [url]];
  const opening = spawn(program as string, args as string[], { stdio: "ignore", detached: true });
  opening.on("error", () => terminal.note(`No browser could be opened here. Open ${url} yourself.`));
  opening.unref();
}

function showLogin(
  { publicUrl: url, demo: isOpenToAll }: Config,
  summary: Omit<DemoSummary, "login"> & { login: { email: string; username: string; password: string } },
  terminal: Terminal,
): void {
  const count = (number: number) => number.toLocaleString("en");
  const { accounts, follows, posts, login } = summary;
  const lines = [
    `Open      ${url}`,
    `E-mail    ${login.email}   (@${login.username})`,
    `Password  ${login.password}`,
    "",
    `${count(accounts)} people, ${count(follows)} follows, ${count(posts)} posts`,
  ];
  if (!terminal.watched) {
    for (const line of lines) terminal.note(line);
    return;
  }
  for (const line of framed("Demo login", lines)) terminal.note(`  ${line}`);
  const caution = isOpenToAll
    ? "Ctrl-C stops it. Everybody knows this password, and only this machine can reach the demo."
    : "Ctrl-C stops it. Others can reach this demo, so its password was made for this run.";
  terminal.note(terminal.paint("dim", `  ${caution}`));
}
