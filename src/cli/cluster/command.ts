/** `roost cluster`: a whole Roost, every engine a process of its own, on this machine. */
import { Argument, Command, Option } from "commander";
import type { Cluster, Group, Part } from "../../cluster/cluster.ts";
import { wholeNumber } from "../arguments.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { examples, terminalOf } from "../invocation.ts";
import { addSettingFlags } from "../setting-flags.ts";
import { showMap } from "./map.ts";
import type { OpenedCluster } from "./place.ts";
import type { UpOptions } from "./up-down.ts";

/** With the engines' clients, which other commands don't need. */
const place = () => import("./place.ts");
const upDown = () => import("./up-down.ts");

/** What makes the other commands of a shell work on the cluster. */
const USE_IT = 'eval "$(npx roost cluster env)"';

export function clusterCommand(): Command {
  const command = new Command("cluster")
    .summary("run a whole Roost on this machine, with every engine it can grow to")
    .description(
      `Runs Roost as it runs at scale, in real processes on this machine: balancer, API processes, workers, PostgreSQL
with replicas, Redis, Kafka. What it keeps is in DATA_DIR/cluster. Not for production: one machine, no passwords.`,
    )
    .addHelpText(
      "after",
      examples("npx roost cluster", "npx roost cluster kill redis-2", `${USE_IT}; npx roost shards list`),
    );
  command.addCommand(upCommand(), { isDefault: true });
  for (const child of [downCommand(), statusCommand(), envCommand(), ...faultCommands(), logsCommand()])
    command.addCommand(child);
  return command;
}

function upCommand(): Command {
  const command = new Command("up")
    .summary("start what isn't running, and show where everything is")
    .argument("[groups...]", "only these and what they need, such as redis; everything unless given")
    .addOption(
      new Option("--brokers <count>", "Kafka brokers, the first time")
        .choices(["1", "3"])
        .env("CLUSTER_BROKERS"),
    )
    .option("--demo", "load the demo's people and posts, unless they are there")
    .option("--json", "the state of every part as JSON")
    .addHelpText("after", examples("npx roost cluster up --demo", "npx roost cluster up --port 5000"))
    .action(async (names: string[], options: UpOptions & { brokers?: string }, self: Command) => {
      const terminal = terminalOf(self);
      const { openCluster, locked } = await place();
      const { up, interruptible } = await upDown();
      const opened = openCluster(self, { ...(options.brokers && { brokers: Number(options.brokers) }) });
      const groups =
        names.length === 0 ? opened.cluster.groups : names.map((name) => groupNamed(opened, name));
      const says = "`roost cluster up` goes on, `roost cluster down` stops what runs.";
      await interruptible(opened, terminal, says, (signal) =>
        locked(opened.cluster, () => up(opened, groups, terminal, { ...options, signal })),
      );
      await showMap(opened, terminal, options);
      terminal.note(`For commands that work on it: ${USE_IT}`);
    });
  return addSettingFlags(command, ["PORT", "DATA_DIR"]);
}

function downCommand(): Command {
  const command = new Command("down")
    .summary("stop everything; what is stored stays")
    .option("--purge", "and remove everything it has stored")
    .addHelpText("after", examples("npx roost cluster down", "npx roost cluster down --purge"))
    .action(async (options: { purge?: boolean }, self: Command) => {
      const { clusterAt, locked } = await place();
      const terminal = terminalOf(self);
      const opened = clusterAt(self);
      const { down, interruptible } = await upDown();
      await interruptible(opened, terminal, "`roost cluster down` goes on.", (signal) =>
        locked(opened.cluster, () => down(opened.cluster, terminal, { ...options, signal })),
      );
    });
  return addSettingFlags(command, ["DATA_DIR"]);
}

function statusCommand(): Command {
  const command = new Command("status")
    .summary("show where everything is and how it does; ends with 1 when a part isn't ready")
    .option("--json", "as JSON")
    .addHelpText("after", examples("npx roost cluster status", "npx roost cluster status --json | jq .parts"))
    .action(async (options: { json?: boolean }, self: Command) => {
      const { clusterAt } = await place();
      const isReady = await showMap(clusterAt(self), terminalOf(self), options);
      if (!isReady) process.exitCode = exitCodes.failed;
    });
  return addSettingFlags(command, ["DATA_DIR"]);
}

function envCommand(): Command {
  const command = new Command("env")
    .summary("print the settings of its processes, for a shell: other commands then work on it")
    .option("--json", "as JSON")
    .addHelpText("after", examples(`${USE_IT}; npx roost accounts create wren`))
    .action(async (options: { json?: boolean }, self: Command) => {
      const terminal = terminalOf(self);
      const { clusterAt } = await place();
      // Each process has a port of its own.
      const { PORT: _, ...settings } = clusterAt(self).settings;
      if (options.json) return terminal.json(settings);
      for (const [name, value] of Object.entries(settings))
        terminal.data(`export ${name}='${value.replaceAll("'", "'\\''")}'`);
    });
  return addSettingFlags(command, ["DATA_DIR"]);
}

/** What one can do to a part, and what it says when done. */
const FAULTS = {
  kill: ["end a part at once, as a crash does (kill -9)", "was killed", (c: Cluster, p: Part) => c.kill(p)],
  freeze: [
    "let a part hang: its connections stay open, nothing answers",
    "is frozen",
    (c: Cluster, p: Part) => c.freeze(p),
  ],
  thaw: ["let a frozen part go on", "goes on", (c: Cluster, p: Part) => c.thaw(p)],
} as const;

function faultCommands(): Command[] {
  const faults = Object.entries(FAULTS).map(([verb, [summary, says, act]]) =>
    partCommand(verb, summary).action(async (name: string, _: object, self: Command) => {
      const { clusterAt } = await place();
      const { cluster } = clusterAt(self);
      for (const part of partsNamed(cluster, name)) {
        if (!(await act(cluster, part)))
          throw new CommandError(exitCodes.failed, `${part.name} isn't running.`, {
            hint: `\`roost cluster start ${part.name}\` starts it.`,
          });
        terminalOf(self).note(`${part.name} ${says}.`);
      }
    }),
  );
  const start = partCommand("start", "start a part that was killed").action(
    async (name: string, _: object, self: Command) => {
      const { clusterAt, locked } = await place();
      const { cluster } = clusterAt(self);
      await locked(cluster, async () => {
        for (const part of partsNamed(cluster, name)) {
          await cluster.start(part);
          terminalOf(self).note(`${part.name} runs.`);
        }
      });
    },
  );
  return [...faults, start];
}

function partCommand(verb: string, summary: string): Command {
  const command = new Command(verb)
    .summary(summary)
    .addArgument(new Argument("<name>", "a part, such as redis-2, or a group, such as redis"))
    .addHelpText("after", examples(`npx roost cluster ${verb} redis-2`));
  return addSettingFlags(command, ["DATA_DIR"]);
}

function logsCommand(): Command {
  const command = new Command("logs")
    .summary("show the end of a part's log")
    .addArgument(new Argument("<name>", "a part, such as api-1"))
    .option("--lines <count>", "how many", wholeNumber(1, 100_000), 50)
    .addHelpText("after", examples("npx roost cluster logs api-1 --lines 500"))
    .action(async (name: string, options: { lines: number }, self: Command) => {
      const { clusterAt } = await place();
      const { cluster } = clusterAt(self);
      const { tailOf } = await import("../../cluster/process.ts");
      for (const part of partsNamed(cluster, name)) {
        terminalOf(self).note(cluster.logOf(part));
        terminalOf(self).data(tailOf(cluster.logOf(part), options.lines, Number.POSITIVE_INFINITY));
      }
    });
  return addSettingFlags(command, ["DATA_DIR"]);
}

function groupNamed({ cluster }: OpenedCluster, name: string): Group {
  const found = cluster.groups.find((group) => group.name === name);
  if (found) return found;
  const names = cluster.groups.map((group) => group.name).join(", ");
  throw new CommandError(exitCodes.usage, `There is no group "${name}".`, { hint: `There are ${names}.` });
}

function partsNamed(cluster: Cluster, name: string): readonly Part[] {
  const found = cluster.named(name);
  if (found.length > 0) return found;
  const names = cluster.parts.map((part) => part.name).join(", ");
  throw new CommandError(exitCodes.usage, `There is no part "${name}".`, { hint: `There are ${names}.` });
}
