import { Command } from "commander";
import type { DeadLetter } from "../../engines/event-log/port.ts";
import { wholeNumber } from "../arguments.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { examples, terminalOf } from "../invocation.ts";
import { addSettingFlags, configOf } from "../setting-flags.ts";
import { type Terminal, table } from "../terminal.ts";
import { type Found, listLetters, openLogs, requireLetter } from "./logs.ts";

const SETTINGS = ["DATA_DIR", "DATABASE_URL", "KAFKA_BROKERS"] as const;
const ALL_MAX = 1_000_000;

export function dlqCommand(): Command {
  return new Command("dlq")
    .summary("dead letters: events that no attempt could handle")
    .description(
      `Deals with dead letters: events that a consumer could not handle, however often it tried, while engines answered.
They hold up nothing. Requeue them when what was wrong is mended; discard those that nobody misses.`,
    )
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(changeCommand("requeue"))
    .addCommand(changeCommand("discard"))
    .addHelpText("after", examples("npx roost events dlq list", "npx roost events dlq requeue --all"));
}

function listCommand(): Command {
  const command = new Command("list")
    .summary("list dead letters, oldest first")
    .description("Lists dead letters, oldest first.")
    .option("--limit <number>", "at most this many", wholeNumber(1, ALL_MAX), 100)
    .option("--json", "as JSON")
    .addHelpText("after", examples("npx roost events dlq list", "npx roost events dlq list --json --limit 5"))
    .action(async (options: { limit: number; json?: boolean }, called: Command) => {
      const terminal = terminalOf(called);
      await using logs = await openLogs(configOf(called).config, terminal);
      const found = await listLetters(logs, options.limit);
      if (options.json) return terminal.json(found.map(({ letter }) => asRecord(letter)));
      if (found.length === 0) return terminal.note("There are no dead letters.");
      const rows = found.map(({ letter }) => [
        letter.id,
        letter.topic,
        letter.group,
        letter.failedAt.toISOString().slice(0, 19),
        letter.error.split("\n")[0]?.slice(0, 80) ?? "",
      ]);
      const [heading = "", ...lines] = table(["ID", "TOPIC", "GROUP", "SINCE (UTC)", "ERROR"], rows);
      terminal.data(terminal.paintData("bold", heading));
      for (const line of lines) terminal.data(line);
      if (found.length === options.limit) terminal.note(`The oldest ${options.limit}; --limit shows more.`);
    });
  return addSettingFlags(command, SETTINGS);
}

function showCommand(): Command {
  const command = new Command("show")
    .summary("show one, with its event and error")
    .description("Shows a dead letter: what the event was, where it was, and what its handler said at last.")
    .argument("<id>", "as `list` shows it")
    .option("--json", "as JSON")
    .addHelpText("after", examples("npx roost events dlq show 17", "npx roost events dlq show 17 --json"))
    .action(async (id: string, options: { json?: boolean }, called: Command) => {
      const terminal = terminalOf(called);
      await using logs = await openLogs(configOf(called).config, terminal);
      const { letter } = await requireLetter(logs, id);
      if (options.json) return terminal.json(asRecord(letter));
      for (const [name, value] of [
        ["id", letter.id],
        ["topic", `${letter.topic}, ${letter.place}`],
        ["group", letter.group],
        ["since", letter.failedAt.toISOString()],
        ["event", letter.payload],
        ["error", letter.error],
      ] as const) {
        terminal.data(`${terminal.paintData("bold", name.padEnd(5))}  ${value}`);
      }
    });
  return addSettingFlags(command, SETTINGS);
}

interface ChangeOptions {
  all?: boolean;
  yes?: boolean;
  json?: boolean;
}

const EFFECTS = {
  requeue: {
    summary: "put them to their topic again",
    says: `Puts dead letters to their topic again, where every group of consumers is given them once more; those that
handled them before do nothing new. They come after younger events of the same author.`,
    done: "requeued",
  },
  discard: {
    summary: "forget them",
    says: "Forgets dead letters. What they would have brought about never happens.",
    done: "discarded",
  },
} as const;

function changeCommand(verb: "requeue" | "discard"): Command {
  const { summary, says } = EFFECTS[verb];
  const command = new Command(verb)
    .summary(summary)
    .description(says)
    .argument("[ids...]", "as `list` shows them")
    .option("--all", "all there are")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      examples(`npx roost events dlq ${verb} 17 18`, `npx roost events dlq ${verb} --all`),
    )
    .action(async (ids: string[], options: ChangeOptions, called: Command) => {
      const terminal = terminalOf(called);
      if (options.all === ids.length > 0 || (!options.all && ids.length === 0)) {
        throw new CommandError(exitCodes.usage, "Name the dead letters, or say --all.", {
          hint: `For example: roost events dlq ${verb} 17`,
        });
      }
      await using logs = await openLogs(configOf(called).config, terminal);
      const found = options.all
        ? await listLetters(logs, ALL_MAX)
        : await Promise.all(ids.map((id) => requireLetter(logs, id)));
      if (options.all && verb === "discard" && !options.yes) await confirm(terminal, found.length);
      const changed = await change(verb, found);
      if (options.json) return terminal.json({ [EFFECTS[verb].done]: changed });
      const count = changed.length === 1 ? "1 dead letter was" : `${changed.length} dead letters were`;
      terminal.data(`${count} ${EFFECTS[verb].done}.`);
    });
  if (verb === "discard") command.option("--yes", "ask nothing");
  return addSettingFlags(command, SETTINGS);
}

/** Ids of those that were still there. */
async function change(verb: "requeue" | "discard", found: readonly Found[]): Promise<string[]> {
  const changed: string[] = [];
  // One after the other: in the order they failed in.
  for (const { letter, log } of found) {
    if (await log.deadLetters[verb](letter.id)) changed.push(letter.id);
  }
  return changed;
}

async function confirm(terminal: Terminal, count: number): Promise<void> {
  if (!terminal.interactive) {
    throw new CommandError(exitCodes.usage, "Discarding all of them needs --yes where nobody can be asked.");
  }
  const { confirm: prompt } = await import("@clack/prompts");
  const message = `Discard ${count} dead letters for good?`;
  const answer = await prompt({ message, initialValue: false, output: terminal.stderr });
  if (answer !== true) throw new CommandError(exitCodes.interrupted, "Nothing was discarded.");
}

function asRecord({ key, failedAt, payload, ...letter }: DeadLetter): object {
  return { ...letter, key: `${key}`, event: JSON.parse(payload), failedAt: failedAt.toISOString() };
}
