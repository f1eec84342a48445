import { Command } from "commander";
import { systemClock } from "../core/clock.ts";
import { ROLES } from "../core/roles.ts";
import type { DemoSummary } from "../demo/load.ts";
import { wholeNumber } from "./arguments.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { examples, terminalOf } from "./invocation.ts";
import { Progress } from "./progress.ts";
import { introduce, requireEmbedded, serve } from "./serve.ts";
import { addSettingFlags, configOf } from "./setting-flags.ts";
import { framed, type Terminal } from "./terminal.ts";

export function demoCommand(): Command {
  const command = new Command("demo")
    .summary("run a server full of people, posts and activity")
    .description(
      `Runs the server with made-up people who follow each other and go on posting. The people are loaded once, the
first time; later runs go on from there. To begin anew, remove DATA_DIR or choose another.`,
    )
    .option("--no-replay", "load the people and posts, but let nothing happen by itself")
    .option("--rate <posts>", "new posts a minute", wholeNumber(1, 6_000), 18)
    .option("--force", "also with DATABASE_URL: fill that database")
    .addHelpText("after", examples("npx roost demo", "npx roost demo --port 4000 --data-dir ./demo-data"))
    .action(demo);
  return addSettingFlags(command, "all");
}

async function demo(
  options: { replay: boolean; rate: number; force?: boolean },
  command: Command,
): Promise<void> {
  const terminal = terminalOf(command);
  const loaded = configOf(command);
  if (!options.force) requireEmbedded(loaded.config, "`roost demo`");
  if (loaded.config.shards.length > 0) {
    throw new CommandError(exitCodes.usage, "The demo fills one database, and SHARD_URLS names several.", {
      hint: "Unset SHARD_URLS.",
    });
  }
  await serve({ loaded, terminal, roles: ROLES }, async (serving) => {
    const { roost, stopping, log } = serving;
    const { loadDemo } = await import("../demo/load.ts");
    const progress = new Progress({ terminal, clock: systemClock });
    const summary = await loadDemo(roost, {
      nowMs: systemClock.nowMs(),
      onProgress: (done, total, label) => {
        if (!stopping.aborted) progress.update(done, total, label);
      },
    });
    progress.clear();
    introduce(serving, terminal);
    showLogin(roost.config.publicUrl, summary, terminal);
    if (!options.replay) return;
    const { startReplay } = await import("../demo/replay.ts");
    startReplay(roost, { signal: stopping, ratePerMinute: options.rate }).catch((error: unknown) => {
      if (!stopping.aborted) log.log.error({ err: error }, "the replay of activity stopped");
    });
  });
}

function showLogin(url: string, summary: DemoSummary, terminal: Terminal): void {
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
  terminal.note(
    terminal.paint("dim", "  Ctrl-C stops it. Not for production: everyone can read this password."),
  );
}
